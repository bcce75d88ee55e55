"""Vector clocks: a join is the least clock that knows both, in Python and in C."""

import importlib.util
import os
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raceway.model import clocks


def in_python():
    """The module as it is where there is no compiler."""
    spec = importlib.util.spec_from_file_location("clocks_in_python", clocks.__file__)
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(os.environ, RACEWAY_PURE_PYTHON="1"):
        spec.loader.exec_module(module)
    return module


VARIANTS = {variant.join.__module__: variant for variant in (clocks, in_python())}
both = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)

# Neighbours, those of other processes, and what stands for the forgotten.
actors = st.sampled_from([0, 1, 2, 15, 16, 17, 255, 256, 4096, 1 << 32, (1 << 32) + 1, 1 << 62])
epochs = st.integers(0, 2**40)
known = st.dictionaries(actors, epochs, max_size=12)


def least(*whatever):
    joined = {}
    for components in whatever:
        for key, epoch in components.items():
            joined[key] = max(epoch, joined.get(key, -1))
    return joined


@both
@given(components=known, actor=actors)
def test_a_clock_is_a_mapping(variant, components, actor):
    clock = variant.clock_of(components)

    assert dict(clock) == dict(clock.items()) == components
    assert sorted(clock) == sorted(clock.keys()) == sorted(components)
    assert len(clock) == len(components)
    assert clock == components
    assert clock.get(actor, -1) == components.get(actor, -1)
    assert clock.get(None, -1) == -1
    assert (actor in clock) == (actor in components)
    if actor in components:
        assert clock[actor] == components[actor]
    else:
        with pytest.raises(KeyError):
            clock[actor]


@both
@given(clock=known, other=known, actor=actors | st.none(), epoch=st.integers(-1, 2**40))
def test_join(variant, clock, other, actor, epoch):
    one, two = variant.clock_of(clock), variant.clock_of(other)

    joined = variant.join(one, two, actor, epoch)

    assert (one, two) == (clock, other)  # nothing has changed
    if actor is not None and clock.get(actor, -1) >= epoch:
        assert joined is one  # whoever knows an epoch of an actor knows what that actor knew
    else:
        assert joined == least(clock, other, {} if actor is None else {actor: epoch})


@both
@given(one=known, two=known)
def test_known_by_either(variant, one, two):
    clock, other = variant.clock_of(one), variant.clock_of(two)

    joined = variant.known_by_either(clock, other)

    assert (clock, other) == (one, two)
    assert joined == least(one, two)
    longer = other if len(one) < len(two) else clock
    if joined == longer and one != two:
        assert joined is longer  # shared, not copied
    assert variant.known_by_either(joined, clock) is joined


@both
@given(clock=known, actor=actors, epoch=epochs)
def test_informed(variant, clock, actor, epoch):
    before = variant.clock_of(clock)

    after = variant.informed(before, actor, epoch)

    assert before == clock
    assert after == least(clock, {actor: epoch})
    assert (after is before) == (clock.get(actor, -1) >= epoch)


@both
@given(parts=st.lists(known, min_size=1, max_size=5), needed=known)
def test_only_those_who_are_needed(variant, parts, needed):
    made = [variant.clock_of(parts[0])]
    for part in parts[1:]:
        made.append(variant.known_by_either(made[-1], variant.clock_of(part)))
    before = [dict(clock) for clock in made]

    only = variant.Only(variant.clock_of(needed))
    left = [only(clock) for clock in made]

    assert [dict(clock) for clock in made] == before
    for clock, rest in zip(made, left, strict=True):
        assert rest == {key: epoch for key, epoch in clock.items() if key in needed}
        assert (rest is clock) == (len(rest) == len(clock))
        assert only(clock) is rest


def test_what_is_no_clock_is_refused():
    variant = VARIANTS.get("raceway.model._clocks")
    if variant is None:
        pytest.skip("there was no compiler")
    clock = variant.clock_of({1: 2})
    for wrong in (
        lambda: variant.join(clock, {}, 1, 2),
        lambda: variant.join(clock, clock, "1", 2),
        lambda: variant.join(clock, clock, 1),
        lambda: variant.known_by_either(None, clock),
        lambda: variant.informed(clock, 1, None),
        lambda: variant.clock_of({"a": 1}),
        lambda: variant.clock_of([]),
        lambda: variant.Only({}),
        lambda: hash(clock),
    ):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="not the number of an actor: -1"):
        variant.informed(clock, -1, 2)
    with pytest.raises(OverflowError):
        variant.informed(clock, 1, 1 << 64)


def test_thousands_of_clocks_take_little_more_than_their_differences():
    """Each actor hears of all before it: as dicts these are fifty million components."""
    variant = VARIANTS.get("raceway.model._clocks")
    if variant is None:
        pytest.skip("there was no compiler")
    chain = [variant.EMPTY]
    for actor in range(1, 10_001):
        own = variant.informed(variant.EMPTY, 0, actor)
        chain.append(variant.join(own, chain[-1], actor, 1))
    whole = variant.EMPTY
    for actor, clock in enumerate(chain):
        whole = variant.join(whole, clock, actor, 2)
    only = variant.Only(variant.clock_of(dict.fromkeys(range(0, 10_001, 2), 0)))

    assert len(whole) == 10_001
    assert [len(only(clock)) for clock in chain[::1000]] == [0, *range(501, 5002, 500)]
