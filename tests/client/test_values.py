"""Capture: whatever the value is, JSON that a server accepts, and the value untouched."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import json
import threading
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_server import parse

from raceway.values import MAX_DEPTH, capture, text


def check(value, limit=65536):
    captured = capture(value, limit)
    body = json.dumps({"v": captured}, ensure_ascii=False, allow_nan=False).encode("utf-8")
    assert parse(body) == {"v": captured}
    return captured


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Account:
    owner: str
    balance: int
    password: str = dataclasses.field(default="x", repr=False)


@dataclasses.dataclass
class Slotted:
    __slots__ = ("x",)
    x: int


class Rude(dict):
    def __iter__(self):
        raise RuntimeError

    items = keys = values = __len__ = __getitem__ = __repr__ = __iter__


class Shouting(str):  # noqa: SLOT000 - as users write them
    def __str__(self):
        raise RuntimeError

    __repr__ = __len__ = __getitem__ = __str__


class Silent:
    def __repr__(self):
        raise RuntimeError

    __str__ = __len__ = __iter__ = __repr__


class Faceless(Silent):
    @property
    def __class__(self):
        raise RuntimeError


class Named:
    def __repr__(self):
        return "<Named>"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**64 - 1, 2**64 - 1),
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (1.5, 1.5),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ("\ud83d\ude00", "\U0001f600"),
        ("a\ud800b", "a\ufffdb"),
        (b"\x00a", "b'\\x00a'"),
        (bytearray(b"a"), "b'a'"),
        ((1, [2]), [1, [2]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset("a"), ["a"]),
        (collections.deque([1]), [1]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.Counter("aa"), {"a": 2}),
        ({1: "a", "1": "b", None: 0, False: 1, (1, 2): 3}, None),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Color.RED, "Color.RED"),
        (Level.HIGH, 3),
        (Account("a", 1), {"owner": "a", "balance": 1}),
        (Slotted(4), {"x": 4}),
        (Rude(a=1), {"a": 1}),
        (Shouting("loud"), "loud"),
        (Silent(), "<unprintable Silent>"),
        (Faceless(), "<unprintable Faceless>"),
        (Named(), "<Named>"),
        ([Named, 1], None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_kinds_of_values(value, expected):
    captured = check(value)
    if expected is not None or value is None:
        assert captured == expected


def test_keys_that_become_equal_are_kept_apart():
    assert check({1: "a", "1": "b"}) == {"1": "a", "1 (str)": "b"}


def test_cycles_and_depth():
    ring = [1]
    ring.append(ring)
    assert check(ring) == [1, "<contains itself>"]
    shared = [1]
    assert check([shared, shared]) == [[1], [1]]
    deep = []
    for _ in range(50_000):
        deep = [deep]
    levels = 0
    captured = check(deep)
    while isinstance(captured, list):
        captured = captured[0]
        levels += 1
    assert (levels, captured) == (MAX_DEPTH, "<nested too deeply>")
    while deep:  # or its own deallocation goes deep
        deep = deep.pop()


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**7,
        "\n" * 10**7,
        "é" * 10**6,
        b"\xff" * 10**7,
        list(range(10**6)),
        {i: i for i in range(10**5)},
        ["x" * 1000] * 1000,
        10**100_000,
        [[]] * 10**5,
        {"k" * 10**6: 1},
    ],
    ids=range(10),
)
def test_size_is_limited(value):
    for limit in (1000, 65536):
        size = len(json.dumps(check(value, limit), ensure_ascii=False).encode())
        assert size < limit * 2 + 2000


def test_what_was_cut_is_counted():
    assert check("x" * 100, 20).endswith("<80 more characters>")
    assert check(list(range(1000)), 200)[-1].endswith("more>")


def test_a_plain_repr_does_not_run_user_code():
    class Tracked:
        def __getattribute__(self, name):
            raise AssertionError("user code was run")

    assert "Tracked object at" in check(Tracked())


def test_a_repr_that_captures_does_not_recurse():
    class Nested:
        def __repr__(self):
            return f"Nested({capture(Nested())})"

    assert "Nested(<" in check(Nested())


def test_a_dict_changed_by_another_thread_is_captured():
    shared = {}
    stop = threading.Event()

    def churn():
        number = 0
        while not stop.is_set():
            number += 1
            shared[number % 50] = number
            shared.pop((number * 7) % 50, None)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(300):
            assert isinstance(check(shared), dict)
    finally:
        stop.set()
        thread.join()


# The same examples each time, however busy the machine is.
steady = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.uuids()
    | st.complex_numbers()
    | st.sampled_from([Color.RED, Level.HIGH, Named(), object(), len, Account])
    | st.builds(Silent)
)
keys = (
    st.text(st.characters(codec=None))
    | st.integers()
    | st.floats()
    | st.none()
    | st.booleans()
    | st.tuples(st.integers())
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(keys, inner)
        | st.tuples(inner, inner)
        | st.builds(Account, inner, inner)
    ),
)


@steady
@given(anything)
def test_anything_becomes_json(value):
    check(value)
    check(value, 64)
    text(value).encode("utf-8")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@steady
@given(json_values)
def test_json_comes_back_equal_and_is_not_changed(value):
    before = copy.deepcopy(value)
    assert check(value) == before
    assert value == before
