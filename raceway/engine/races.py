"""Data races: conflicting accesses, unordered, with no lock in common.

Happens-before and locksets together.  The order is the causal one, without the order in which
mutexes happened to be taken, so that a race is found also when a mutex kept the two apart by
chance in this run (predicted); accesses under a common lock are no race in any order.

Sources: Eraser (S. Savage et al., TOCS 1997) for locksets, FastTrack (C. Flanagan and S. Freund,
PLDI 2009) for epochs, WCP (D. Kini et al., PLDI 2017) for the causal order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raceway.engine.commutes import ITEM_RACES, RACES
from raceway.engine.order import excluded, full_before
from raceway.engine.shadow import Shadow, same_group
from raceway.engine.stamped import Access
from raceway.model import ops

ReportRace = Callable[[Access, Access, bool], None]
Relation = frozenset[tuple[int, int]]


def check(shadow: Shadow, access: Access, report: ReportRace) -> None:
    """Compare an access with the earlier ones that are remembered.

    Args:
        shadow: Of the variable.
        access: The new access; not yet in ``shadow``.
        report: Called with the earlier access, the new one, and whether nothing at all ordered
            them in this run.
    """
    kind = access.kind
    container = shadow.container
    relation = RACES if container is None else ITEM_RACES
    _compare(shadow.entries.values(), access, relation, report)
    if container is not None:
        # An insertion is an access to the structure, too, and was compared as such.
        wanted = _WITH_ITEM.get(kind)
        if wanted is not None:
            whole = [one for one in container.entries.values() if one.kind in wanted]
            _compare(whole, access, RACES, report)
    elif kind in {ops.SCAN, ops.WRITE}:
        items = [one for one in shadow.items.values() if kind in _WITH_ITEM.get(one.kind, ())]
        _compare(items, access, RACES, report)


_WITH_ITEM = {
    ops.READ: frozenset({ops.WRITE}),
    ops.UPDATE: frozenset({ops.WRITE}),
    ops.WRITE: frozenset({ops.WRITE, ops.SCAN}),
}
"""Kind of an access to an item: kinds of accesses to its container that may conflict with it."""


def _compare(
    entries: Iterable[Access], access: Access, relation: Relation, report: ReportRace
) -> None:
    actor = access.actor
    kind = access.kind
    hard = access.hard
    for other in list(entries):
        if (other.kind, kind) not in relation or same_group(other.actor, actor):
            continue
        if excluded(access.sections, access.borrowed, other):
            continue
        if hard.get(other.actor.number, -1) >= other.epoch:
            continue
        report(other, access, not full_before(other, access))
