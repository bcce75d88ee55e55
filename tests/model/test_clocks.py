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
numbers = st.integers(1, 6)
actors = numbers | st.tuples(numbers, numbers)
known = st.dictionaries(actors, st.integers(0, 2**40), max_size=6)


both = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


@both
@given(clock=known, other=known, actor=actors | st.none(), epoch=st.integers(0, 2**40))
def test_join(variant, clock, other, actor, epoch):
    before = dict(clock), dict(other)
    least = {
        key: max(clock.get(key, -1), other.get(key, -1), epoch if key == actor else -1)
        for key in {*clock, *other, *([actor] if actor is not None else [])}
    }

    joined = variant.join(clock, other, actor, epoch)

    assert (clock, other) == before
    if actor is not None and clock.get(actor, -1) >= epoch:
        assert joined is clock  # whoever knows an epoch of an actor knows what that actor knew
    else:
        assert joined == least


@both
@given(one=known, two=known)
def test_known_by_either(variant, one, two):
    before = dict(one), dict(two)

    joined = variant.known_by_either(one, two)

    assert (one, two) == before
    assert joined == {key: max(one.get(key, -1), two.get(key, -1)) for key in {*one, *two}}
    longer = two if len(one) < len(two) else one
    if joined == longer:
        assert joined is longer  # shared, not copied
