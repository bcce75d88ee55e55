"""Races on containers that can do no harm: each step is atomic, and ready for the other one.

CPython's documentation recommends them: ``d.pop(k, None)`` instead of a test before, a ``del`` that
expects KeyError, a loop over a copy.  They are in the report as information.
"""

from __future__ import annotations

from raceway.engine.commutes import WRITES
from raceway.engine.judge import Judge
from raceway.engine.stamped import Access
from raceway.model import ops

_WALKS = frozenset({ops.ITERATE, ops.SCAN})


def in_containers(first: Access, second: Access, judge: Judge) -> bool:
    """Tell whether two conflicting operations on a container need no order.

    Args:
        first: One of them.
        second: The other one.
        judge: Knows what the operations look like in the source.
    """
    if first.kind in WRITES and second.kind in WRITES:
        return _both_change(first, second, judge)
    read, write = (second, first) if first.kind in WRITES else (first, second)
    if read.kind in _WALKS:
        return judge.is_copy(read.site) and _is_step(write, judge)
    if read.kind != ops.READ:
        return False
    if write.kind == ops.UPDATE:
        # A subscript that updates: a defaultdict that has made the item in one step.
        return not judge.fails_when_gone(read) or judge.is_subscript(write.site)
    if read.variable != write.variable:
        return judge.is_removal(write.site) and not judge.fails_when_gone(read)
    return _are_removals(first, second, judge)


def _both_change(first: Access, second: Access, judge: Judge) -> bool:
    if {first.kind, second.kind} == {ops.UPDATE, ops.GROW}:
        update = first if first.kind == ops.UPDATE else second
        # What popitem() has taken was there, whoever has put it in.
        return judge.takes_any(update.site) or not judge.fails_when_gone(update)
    return _are_removals(first, second, judge)


def _are_removals(first: Access, second: Access, judge: Judge) -> bool:
    """Tell whether both only remove, and do not mind that the other one was faster."""
    return all(
        judge.is_removal(one.site) and not judge.fails_when_gone(one) for one in (first, second)
    )


def _is_step(write: Access, judge: Judge) -> bool:
    """Tell whether a change adds or removes something: a copy has it or has it not."""
    return write.kind in {ops.GROW, ops.UPDATE} or judge.is_move(write.site)
