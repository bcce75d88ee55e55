"""A tracked container cannot be told from a plain one."""

from __future__ import annotations

import copy
import heapq
import json
import pickle
from collections import Counter, OrderedDict, abc, defaultdict, deque

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raceway.watch import unwatch, watch

PLAIN = [
    {"a": 1, "n": {"x": [1, 2]}},
    [3, 1, [2], {"k": 1}],
    {1, 2, 3},
    deque([1, [2], 3], maxlen=4),
    defaultdict(list, {"a": [1]}),
    OrderedDict([("b", 1), ("a", 2)]),
    Counter("abca"),
]


@pytest.fixture(params=PLAIN, ids=lambda value: type(value).__name__)
def twin(request, rec):
    return copy.deepcopy(request.param), watch(copy.deepcopy(request.param), "d")


def test_looks_like_the_plain_one(twin):
    plain, tracked = twin
    kind = type(plain)

    assert isinstance(tracked, kind)
    assert tracked.__class__ is kind
    assert type(tracked) == kind  # noqa: E721 - the comparison is what is tested
    assert type(tracked) in {kind}
    assert {kind: 1}[type(tracked)] == 1
    assert kind in {deque, defaultdict} or type(tracked)(plain) == plain
    assert tracked == plain
    assert plain == tracked
    assert repr(tracked) == repr(plain)
    assert f"{tracked} {tracked!r}" == f"{plain} {plain!r}"
    assert len(tracked) == len(plain)
    assert list(tracked) == list(plain)
    assert [*tracked] == [*plain]
    assert type(tracked).__name__ == kind.__name__
    assert repr(type(tracked)) == repr(kind)
    with pytest.raises(TypeError, match="unhashable"):
        hash(tracked)


def test_copies_are_plain(twin):
    plain, tracked = twin

    for made in [
        copy.copy(tracked), copy.deepcopy(tracked), tracked.copy(),
        *(pickle.loads(pickle.dumps(tracked, protocol)) for protocol in range(6)),
    ]:  # fmt: skip
        assert type(made) is type(plain)
        assert made == plain
    assert getattr(tracked.copy(), "maxlen", None) == getattr(plain, "maxlen", None)


def test_unwatch_gives_a_plain_copy_and_silence(twin, rec):
    plain, tracked = twin
    made = unwatch(tracked)
    rec.clear()

    assert type(made) is type(plain)
    assert made == plain
    values = made.values() if isinstance(made, dict) else made
    assert {type(value) for value in values} <= {int, list, dict}
    assert all(type(v) in {int, list, dict} for v in values)
    assert len(tracked) == len(plain)
    assert repr(tracked) == repr(plain)
    assert rec.ops() == []
    assert pickle.loads(pickle.dumps(tracked)) == plain


def test_watching_twice(twin):
    _, tracked = twin
    assert watch(tracked) is tracked


def test_dict(rec):
    plain = {"a": 1, "b": 2}
    d = watch(dict(plain), "d")

    assert json.dumps(d, indent=1) == json.dumps(plain, indent=1)
    assert {**d} == dict(d) == plain
    assert (lambda **kw: kw)(**d) == plain
    assert sorted(d) == ["a", "b"]
    assert list(reversed(d)) == ["b", "a"]
    assert d | {"c": 3} == plain | {"c": 3}
    assert type(d | {}) is type({} | d) is dict
    assert d.keys() & {"a"} == {"a"}
    assert d.keys() | d.keys() == {"a", "b"}
    assert d.items() == plain.items()
    assert repr(d.items()) == repr(plain.items())
    assert isinstance(d.keys(), abc.KeysView)
    assert 2 in d.values()
    assert ("a", 1) in d.items()
    match d:
        case {"a": value}:
            assert value == 1
        case _:
            pytest.fail("no mapping")
    with pytest.raises(RuntimeError, match="changed size during iteration"):
        for key in d:
            d[key + "x"] = 1
    assert "{a}".format(**d) == "1"
    assert f"{d['a']}" == "1"
    assert eval("a", {}, d) == 1


def test_list(rec):
    x = watch([3, 1, 2], "x")

    first, *rest = x
    assert (first, rest) == (3, [1, 2])
    heapq.heapify(x)
    assert heapq.heappop(x) == 1
    heapq.heappush(x, 1)
    assert sorted(x) == [1, 2, 3]
    assert tuple(x) == (1, 3, 2) or set(x) == {1, 2, 3}
    assert type(x[:]) is type(x + []) is type([] + x) is type(x * 2) is list
    assert list(zip(x, x)) == [(i, i) for i in x]
    match x:
        case [_, _, _]:
            pass
        case _:
            pytest.fail("no sequence")
    x[1:1] = [9]
    assert len(x) == 4
    with pytest.raises(TypeError, match="can only concatenate"):
        (1,) + x
    iterator = iter(x)
    next(iterator)
    assert list(copy.copy(iterator)) == list(x)[1:]
    assert iterator.__length_hint__() == 3


def test_set(rec):
    s = watch({1, 2}, "s")

    assert s | {3} == {3} | s == {1, 2, 3}
    assert s & {1} == {1} & s == {1}
    assert s - {1} == {2}
    assert {1, 5} - s == {5}
    assert s ^ {1} == {2}
    assert s < {1, 2, 3} and s <= s and s > {1}
    assert frozenset(s) == {1, 2}
    assert type(s | {3}) is type({3} | s) is type(s.union([1])) is set
    s |= {7}
    s -= {1}
    assert s == {2, 7}


def test_deque(rec):
    q = watch(deque([1, 2], maxlen=2), "q")

    q.append(3)
    assert q == deque([2, 3]) and q.maxlen == 2
    assert type(q + deque([1])) is deque
    assert q[0] == 2


def test_containers_that_contain_themselves(rec):
    d = watch({}, "d")
    d["me"] = d
    assert repr(d) == "{'me': {...}}"
    x = watch(deque(), "x")
    x.append(x)
    assert repr(x) == "deque([[...]])"
    made = unwatch(d)
    assert made["me"] is made


def test_isolation_of_bound_methods_as_thread_targets(rec):
    import _thread

    x = watch([], "x")
    done = _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(lambda: (x.append(1), done.release()), ())
    done.acquire()
    _thread.start_new_thread(x.append, (2,))
    while len(x) < 2:
        pass
    assert x == [1, 2]


KEYS = st.sampled_from(["a", "b", "c", 1, (1, 2)])
INDEX = st.integers(-4, 4)
VALUE = st.one_of(
    st.integers(0, 5), st.text(max_size=3), st.none(), st.builds(list), st.builds(dict)
)
SMALL = st.lists(st.integers(0, 5), max_size=3)
DICT_OPS = st.one_of(
    st.tuples(st.sampled_from(["__getitem__", "__delitem__", "__contains__", "get"]), KEYS),
    st.tuples(st.just("pop"), KEYS), st.tuples(st.just("pop"), KEYS, VALUE),
    st.tuples(st.sampled_from(["__setitem__", "setdefault"]), KEYS, VALUE),
    st.tuples(st.sampled_from(["popitem", "clear", "copy", "__len__", "keys", "items", "values"])),
    st.tuples(st.sampled_from(["update", "__or__", "__ior__", "__ror__", "__eq__"]), st.dictionaries(KEYS, st.integers(), max_size=3)),
    st.tuples(st.just("update"), st.lists(st.tuples(KEYS, VALUE), max_size=2)),
    st.tuples(st.sampled_from(["__getitem__", "__contains__", "pop", "get"]), st.just([])),
    st.tuples(st.just("update"), st.sampled_from([5, [1], ["abc"]])),
)  # fmt: skip
LIST_OPS = st.one_of(
    st.tuples(st.sampled_from(["__getitem__", "__delitem__", "pop"]), INDEX),
    st.tuples(st.sampled_from(["append", "index", "count", "remove", "__contains__"]), VALUE),
    st.tuples(st.sampled_from(["__setitem__", "insert"]), INDEX, VALUE),
    st.tuples(st.sampled_from(["pop", "clear", "copy", "reverse", "sort", "__len__", "__repr__", "__reversed__"])),
    st.tuples(st.sampled_from(["extend", "__iadd__", "__add__", "__eq__", "__lt__"]), SMALL),
    st.tuples(st.sampled_from(["__imul__", "__mul__"]), st.integers(0, 2)),
    st.tuples(st.sampled_from(["__getitem__", "__delitem__"]), st.builds(slice, INDEX, INDEX)),
    st.tuples(st.just("__setitem__"), st.builds(slice, INDEX, INDEX), SMALL),
    st.tuples(st.just("__getitem__"), st.sampled_from(["x", 1.5, None, True])),
)  # fmt: skip
DEQUE_OPS = st.one_of(
    st.tuples(st.sampled_from(["__getitem__", "__delitem__", "rotate"]), INDEX),
    st.tuples(st.sampled_from(["append", "appendleft", "index", "count", "remove", "__contains__"]), VALUE),
    st.tuples(st.sampled_from(["__setitem__", "insert"]), INDEX, VALUE),
    st.tuples(st.sampled_from(["pop", "popleft", "clear", "copy", "reverse", "__len__", "__repr__", "__reversed__"])),
    st.tuples(st.sampled_from(["extend", "extendleft", "__iadd__"]), SMALL),
    st.tuples(st.sampled_from(["__add__", "__eq__", "__lt__"]), st.builds(deque, SMALL)),
    st.tuples(st.sampled_from(["__imul__", "__mul__"]), st.integers(0, 2)),
)  # fmt: skip
SETS = st.sets(st.integers(0, 5), max_size=3)
SET_OPS = st.one_of(
    st.tuples(st.sampled_from(["add", "discard", "remove", "__contains__"]), st.one_of(st.integers(0, 5), st.just([]))),
    st.tuples(st.sampled_from(["pop", "clear", "copy", "__len__", "__repr__"])),
    st.tuples(st.sampled_from(["__and__", "__or__", "__xor__", "__sub__", "__rsub__", "__iand__", "__ior__", "__ixor__", "__isub__", "__eq__", "__lt__", "__ge__"]), SETS),
    st.tuples(st.sampled_from(["union", "update", "intersection", "difference", "isdisjoint", "issubset", "intersection_update", "difference_update", "symmetric_difference_update"]), SMALL),
)  # fmt: skip
MAKERS = {
    "dict": (dict, DICT_OPS, {}), "defaultdict": (lambda: defaultdict(list), DICT_OPS, {}),
    "ordered": (OrderedDict, DICT_OPS, {}), "list": (list, LIST_OPS, []),
    "deque": (lambda: deque(maxlen=4), DEQUE_OPS, []), "set": (set, SET_OPS, set()),
}  # fmt: skip
ALLOWED = {
    "__getitem__": {"READ", "SCAN", "LENGTH"}, "__contains__": {"READ", "SCAN"}, "get": {"READ"},
    "__delitem__": {"READ", "UPDATE", "WRITE"}, "append": {"GROW"}, "extend": {"GROW"},
    "clear": {"WRITE"}, "copy": {"SCAN"}, "__len__": {"LENGTH"}, "__repr__": {"SCAN"},
    "__eq__": {"SCAN"}, "sort": {"WRITE"}, "reverse": {"WRITE"}, "popleft": {"UPDATE"},
    "add": {"READ", "GROW", "WRITE"}, "setdefault": {"READ", "UPDATE", "GROW"},
    "pop": {"UPDATE"}, "appendleft": {"GROW"}, "remove": {"WRITE", "UPDATE", "READ", "SCAN"},
}  # fmt: skip


def perform(target, name, args):
    """Call a method as the interpreter does: past what type() says for a tracked object."""
    for base in type.__getattribute__(type(target), "__mro__"):
        contents = type.__getattribute__(base, "__dict__")
        if name in contents:
            try:
                return contents[name](target, *args)
            except Exception as error:
                return type(error), str(error)
    return None


def shown(target, name, result):
    if result is target:
        return "itself"
    if name in {"__reversed__", "keys", "values", "items"}:
        return list(result)
    if isinstance(result, set):  # its order depends on how it came to be: a copy may have another
        return sorted(map(repr, result))
    return repr(result)


def test_assignment_to_an_item_that_is_gone(rec):
    items = watch([0], "items")
    assert items[0] == 0  # it has a variable
    items.clear()
    with pytest.raises(IndexError, match=r"^list assignment index out of range$"):
        items[0] = {}


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_sequence_of_operations(rec, kind, data):
    make, operations, _ = MAKERS[kind]
    plain, tracked = make(), watch(make(), "d")
    for name, *args in data.draw(st.lists(operations, max_size=12)):
        rec.clear()
        expected = shown(plain, name, perform(plain, name, copy.deepcopy(args)))
        result = perform(tracked, name, copy.deepcopy(args))
        kinds = {op for op, *_ in rec.ops()} - {"VALUE"}
        assert shown(tracked, name, result) == expected, (name, args)
        assert shown(None, "", tracked) == shown(None, "", plain)
        allowed = ALLOWED.get(name, kinds)
        if kind == "defaultdict" and name == "__getitem__":
            allowed = {"READ", "GROW", "UPDATE"}
        if name in {"__delitem__", "__getitem__"} and kind == "deque":
            allowed = allowed | {"LENGTH"}
        assert kinds <= allowed, (name, args, kinds)
