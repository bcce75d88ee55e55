"""What is recorded for each operation of a container."""

from __future__ import annotations

import copy
import enum
import json
import sys
from collections import Counter, OrderedDict, defaultdict, deque

import pytest

from raceway.model import ops
from raceway.watch import unwatch, watch


def _run(action, d):
    try:
        action(d)
    except (KeyError, IndexError):
        pass


DICT = [
    (lambda d: d["a"], ["READ d['a']"]),
    (lambda d: d["no"], ["READ d['no']"]),
    (lambda d: "a" in d, ["READ d['a']"]),
    (lambda d: d.get("a"), ["READ d['a']"]),
    (lambda d: d.__setitem__("a", 2), ["WRITE d['a']"]),
    (lambda d: d.__setitem__("n", 2), ["GROW d", "GROW d['n']"]),
    (lambda d: d.__delitem__("a"), ["UPDATE d", "WRITE d['a']"]),
    (lambda d: d.popitem(), ["UPDATE d", "UPDATE d['b']"]),
    (lambda d: d.pop("a"), ["UPDATE d", "UPDATE d['a']"]),
    (lambda d: d.pop("no", 1), ["UPDATE d['no']"]),
    (lambda d: d.setdefault("a", 1), ["READ d['a']"]),
    (lambda d: d.setdefault("n", 1), ["UPDATE d['n']", "GROW d"]),
    (lambda d: d.update(a=1, n=2), ["WRITE d['a']", "GROW d", "GROW d['n']"]),
    (lambda d: d.__ior__({"a": 1}), ["WRITE d['a']"]),
    (lambda d: d.clear(), ["WRITE d"]),
    (lambda d: len(d), ["LENGTH d"]),
    (lambda d: bool(d), ["LENGTH d"]),
    (lambda d: [k for k in d], ["ITERATE d"]),
    (lambda d: [k for k in d.keys()], ["ITERATE d"]),
    (lambda d: [v for v in d.values()], ["SCAN d"]),
    (lambda d: [i for i in d.items()], ["SCAN d"]),
    (lambda d: d.copy(), ["SCAN d"]),
    (lambda d: copy.copy(d), ["SCAN d"]),
    (lambda d: d == {}, ["SCAN d"]),
    (lambda d: {} == d, ["SCAN d"]),
    (lambda d: repr(d), ["SCAN d"]),
    (lambda d: f"{d}", ["SCAN d"]),
    (lambda d: d | {}, ["SCAN d"]),
    (lambda d: {} | d, ["SCAN d"]),
    (lambda d: json.dumps(d), ["SCAN d"]),
]
LIST = [
    (lambda x: x[0], ["READ d[0]"]),
    (lambda x: x[-1], ["READ d[2]"]),
    (lambda x: x[9], ["LENGTH d"]),
    (lambda x: x.__setitem__(1, 5), ["WRITE d[1]"]),
    (lambda x: x[0:2], ["SCAN d"]),
    (lambda x: x.__setitem__(slice(0, 1), [7]), ["WRITE d"]),
    (lambda x: x.__delitem__(0), ["WRITE d", "UPDATE d[0]"]),
    (lambda x: x.append(1), ["GROW d"]),
    (lambda x: x.extend([1]), ["GROW d"]),
    (lambda x: x.__iadd__([1]), ["GROW d"]),
    (lambda x: x.pop(), ["UPDATE d"]),
    (lambda x: x.pop(0), ["UPDATE d", "UPDATE d[0]"]),
    (lambda x: x.insert(0, 1), ["WRITE d"]),
    (lambda x: x.remove(1), ["WRITE d"]),
    (lambda x: x.sort(), ["WRITE d"]),
    (lambda x: x.reverse(), ["WRITE d"]),
    (lambda x: x.clear(), ["WRITE d"]),
    (lambda x: x.__imul__(2), ["WRITE d"]),
    (lambda x: len(x), ["LENGTH d"]),
    (lambda x: bool(x), ["LENGTH d"]),
    (lambda x: [i for i in x], ["SCAN d"]),
    (lambda x: x.index(1), ["SCAN d"]),
    (lambda x: x.count(1), ["SCAN d"]),
    (lambda x: 1 in x, ["SCAN d"]),
    (lambda x: x == [], ["SCAN d"]),
    (lambda x: x.copy(), ["SCAN d"]),
    (lambda x: x + [], ["SCAN d"]),
    (lambda x: [] + x, ["SCAN d"]),
    (lambda x: repr(x), ["SCAN d"]),
    (lambda x: [i for i in reversed(x)], ["SCAN d"]),
]
DEQUE = [
    (lambda x: x.append(1), ["GROW d"]),
    (lambda x: x.appendleft(1), ["GROW d"]),
    (lambda x: x.extend([1]), ["GROW d"]),
    (lambda x: x.pop(), ["UPDATE d"]),
    (lambda x: x.popleft(), ["UPDATE d", "UPDATE d[0]"]),
    (lambda x: x.rotate(1), ["WRITE d"]),
    (lambda x: x.clear(), ["WRITE d"]),
    (lambda x: x.remove(1), ["WRITE d"]),
    (lambda x: x.insert(0, 1), ["WRITE d"]),
    (lambda x: x[0], ["READ d[0]"]),
    (lambda x: x.__setitem__(0, 4), ["WRITE d[0]"]),
    (lambda x: len(x), ["LENGTH d"]),
    (lambda x: [i for i in x], ["SCAN d"]),
    (lambda x: repr(x), ["SCAN d"]),
    (lambda x: 1 in x, ["SCAN d"]),
]
SET = [
    (lambda s: s.add(1), ["GROW d[1]"]),
    (lambda s: s.add(9), ["GROW d", "GROW d[9]"]),
    (lambda s: s.discard(1), ["UPDATE d", "WRITE d[1]"]),
    (lambda s: s.discard(9), ["READ d[9]"]),
    (lambda s: s.remove(1), ["UPDATE d", "WRITE d[1]"]),
    (lambda s: s.pop(), ["UPDATE d"]),
    (lambda s: 1 in s, ["READ d[1]"]),
    (lambda s: [i for i in s], ["SCAN d"]),
    (lambda s: s == {1}, ["SCAN d"]),
    (lambda s: s | {1}, ["SCAN d"]),
    (lambda s: {1} | s, ["SCAN d"]),
    (lambda s: s.update([1]), ["GROW d"]),
    (lambda s: s.__ior__({1}), ["GROW d"]),
    (lambda s: s.__iand__({1}), ["WRITE d"]),
    (lambda s: s.clear(), ["WRITE d"]),
    (lambda s: len(s), ["LENGTH d"]),
]
CASES = [
    (source, number, action, expected)
    for source, table in (
        ({"a": 1, "b": 2}, DICT),
        (OrderedDict(a=1, b=2), DICT),
        ([1, 2, 3], LIST),
        (deque([1, 2, 3], 5), DEQUE),
        ({1, 2, 3}, SET),
    )
    for number, (action, expected) in enumerate(table)
]


@pytest.mark.parametrize(
    ("source", "number", "action", "expected"),
    CASES,
    ids=[f"{type(source).__name__}-{number}" for source, number, *_ in CASES],
)
def test_table(rec, source, number, action, expected):
    d = watch(copy.copy(source), "d")
    rec.clear()

    _run(action, d)
    found = rec.ops()

    assert [f"{op} {name}" for op, name, *_ in found if op != "VALUE"] == expected
    assert {code.co_filename for op, _, code, _ in found if op != "VALUE"} == {__file__}


def test_defaultdict(rec):
    d = watch(defaultdict(list), "d")
    rec.clear()

    d["k"].append(1)

    assert rec.short() == ["UPDATE d['k']", "GROW d", "GROW d['k']"]
    assert d == {"k": [1]}
    d["k"].append(2)
    assert rec.short()[-2:] == ["READ d['k']", "GROW d['k']"]


def test_defaultdict_with_a_factory_in_python(rec):
    d = watch(defaultdict(lambda: 7), "d")
    rec.clear()

    assert d["k"] == 7

    assert rec.short() == ["READ d['k']", "GROW d", "GROW d['k']"]


def test_the_same_object_stored_again(rec):
    class Log:
        def __init__(self):
            self.lines = []

    log = watch(Log(), "log")
    d = watch({"k": set()}, "d")
    rows = watch([[]], "rows")
    rec.clear()

    log.lines += ["a"]
    d["k"] |= {1}
    rows[0] += [1]
    log.lines = ["b"]

    stored = [argument for op, _, _, argument in rec.ops() if op == "VALUE"]
    assert stored == [True, True, True, None]
    assert (log.lines, d, rows) == (["b"], {"k": {1}}, [[1]])


def test_heapq(rec):
    import heapq

    from raceway_autopatch.patches import heapq as patch
    from raceway_autopatch.patching import apply

    heap = watch([3, 1, 2], "heap")
    applied = apply(heapq, patch.PATCHES)
    try:
        rec.clear()
        heapq.heapify(heap)
        heapq.heappush(heap, 0)
        assert heapq.heappop(heap) == 0
        found = rec.ops()
    finally:
        applied.undo()

    assert [f"{op} {name}" for op, name, *_ in found] == [
        "WRITE heap", "UPDATE heap", "UPDATE heap", "UPDATE heap[0]",
    ]  # fmt: skip
    assert {code.co_filename for _, _, code, _ in found} == {__file__}
    assert list(heap) == [1, 3, 2]


def test_counter(rec):
    c = watch(Counter("aab"), "c")
    rec.clear()

    c["a"] += 1
    assert rec.short() == ["READ c['a']", "WRITE c['a']"]
    c.update("ab")
    assert rec.short() == ["READ c['a']", "WRITE c['a']", "READ c['b']", "WRITE c['b']"]
    assert c == Counter(a=4, b=2)
    assert c.most_common(1) == [("a", 4)]
    assert c + Counter(a=1) == Counter(a=5, b=2)
    c.subtract("a")
    assert c["a"] == 3


def test_value_annotations(rec):
    d = watch({}, "d")
    rec.clear()

    d["k"] = 1
    d["k"] = "x" * 200
    d["k"] = object
    values = [(code, value) for op, _, code, value in rec.ops() if op == "VALUE"]

    assert values == [(None, 1), (None, "x" * ops.TEXT_LIMIT), (type, None)]


def test_iteration_is_recorded_again_after_synchronisation(rec):
    from raceway.record import recorder

    d = watch({1: 1, 2: 2, 3: 3}, "d")
    rec.clear()

    for key in d:
        if key == 2:
            recorder.current().tok += 1

    assert rec.short() == ["ITERATE d", "STEP d"]


def test_names_of_items(rec):
    class Color(enum.Enum):
        RED = 1

    class Key:
        pass

    key = Key()
    d = watch({}, "d")
    rec.clear()

    for k in ("s", 3, (1, "x"), Color.RED, key, None, (key,)):
        k in d

    assert [name for _, name, *_ in rec.ops()] == [
        "d['s']", "d[3]", "d[(1, 'x')]", "d[Color.RED]", "d[<Key>]", "d[None]", "d[<tuple>]",
    ]  # fmt: skip


def test_keys_are_not_kept_alive_and_their_address_may_be_used_again(rec):
    class Key:
        pass

    d = watch(set(), "d")
    key = Key()
    d.add(key)
    before = len(d._raceway_items)
    d.discard(key)
    del key

    assert len(d._raceway_items) == before - 1


def test_item_limit(rec, monkeypatch):
    monkeypatch.setattr(sys.modules["raceway.watch.variables"], "ITEM_LIMIT", 3)
    d = watch({}, "d")
    for number in range(5):
        d[number] = number

    assert d == {number: number for number in range(5)}
    assert [text for text in rec.notes() if "more than" in text]


def test_nested_containers(rec):
    accounts = watch({"alice": {"balance": 0}, "log": [[1]]}, "accounts")
    rec.clear()

    accounts["alice"]["balance"] = 5
    assert rec.short() == ["READ accounts['alice']", "WRITE accounts['alice']['balance']"]
    accounts["new"] = {}
    accounts["new"]["x"] = 1
    assert rec.short()[2:] == [
        "READ accounts['new']",
        "GROW accounts['new']",
        "GROW accounts['new']['x']",
    ]
    accounts["log"].append([])
    accounts["log"][1].append(2)
    assert rec.short()[-1] == "GROW accounts['log'][1]"
    accounts.setdefault("z", []).append(1)
    assert rec.short()[-1] == "GROW accounts['z']"


def test_shared_containers_stay_what_they_are(rec):
    inner = [1]
    d = watch({"inner": inner}, "d")
    assert d["inner"] is inner
    other = {}
    d["other"] = other
    assert d["other"] is other
    d["a"] = chained = []
    assert d["a"] is chained
    items = watch([], "items")
    items.append(inner)
    assert items[0] is inner
    d.setdefault("q", other)
    assert d["q"] is other
    assert [text for text in rec.notes() if "referenced elsewhere" in text]


def test_rebinding_makes_no_note(rec):
    accounts = {"a": {}}
    accounts = watch(accounts, "accounts")

    assert not rec.notes()
    assert type(accounts["a"]) is not dict


def test_user_subclasses(rec):
    class Registry(dict):
        def __init__(self, *args):
            super().__init__(*args)
            self.hits = 0

        def __getitem__(self, key):
            self.hits += 1
            return super().__getitem__(key)

    r = Registry({"a": 1})
    assert watch(r, "r") is r
    rec.clear()

    assert r["a"] == 1
    assert rec.short() == ["READ r.hits", "WRITE r.hits", "READ r['a']"]
    r["b"] = 2
    assert rec.short() == ["GROW r", "GROW r['b']"]
    assert r.hits == 1
    assert r.__class__ is Registry
    assert type(copy.copy(r)) is Registry


@pytest.mark.parametrize("base", [list, set, deque, dict, OrderedDict, defaultdict, Counter])
def test_user_subclasses_look_the_same(rec, base):
    class Mine(base):
        pass

    def make():
        if base is defaultdict:
            return Mine(list, {1: 2})
        return Mine({1: 2, 3: 4} if issubclass(base, dict) else [1, 2])

    mine = make()
    assert watch(mine, "mine") is mine
    assert repr(mine) == repr(make())
    assert mine == make()
    assert type(copy.copy(mine)) is type(copy.deepcopy(mine)) is Mine
    rec.clear()
    assert len(mine) == len(make())
    assert rec.short() == ["LENGTH mine"]
    assert unwatch(mine) is mine
    assert type(mine) is Mine
