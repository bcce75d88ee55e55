"""Data races: conflicting accesses, unordered, with no lock in common.

Happens-before and locksets together.  The order is the causal one, without the order in which
mutexes happened to be taken, so that a race is found also when a mutex kept the two apart by
chance in this run (predicted); accesses under a common lock are no race in any order.

Sources: Eraser (S. Savage et al., TOCS 1997) for locksets, FastTrack (C. Flanagan and S. Freund,
PLDI 2009) for epochs, WCP (D. Kini et al., PLDI 2017) for the causal order.
"""

from __future__ import annotations

from collections.abc import Callable

from raceway.engine.commutes import RACES
from raceway.engine.order import full_before
from raceway.engine.shadow import Shadow, same_group
from raceway.engine.stamped import Access
from raceway.model import ops

ReportRace = Callable[[Access, Access, bool], None]


def check(shadow: Shadow, access: Access, report: ReportRace) -> None:
    """Compare an access with the earlier ones that are remembered.

    Args:
        shadow: Of the variable.
        access: The new access; not yet in ``shadow``.
        report: Called with the earlier access, the new one, and whether nothing at all ordered
            them in this run.
    """
    _compare(shadow.entries.values(), access, report)
    container = shadow.container
    if container is not None and access.kind == ops.WRITE:
        scans = [one for one in container.entries.values() if one.kind == ops.SCAN]
        _compare(scans, access, report)
    if access.kind == ops.SCAN:
        _compare(shadow.item_writes.values(), access, report)


def _compare(entries: object, access: Access, report: ReportRace) -> None:
    actor = access.actor
    kind = access.kind
    hard = access.hard
    for other in list(entries):  # type: ignore[call-overload]  # any iterable of accesses
        if (other.kind, kind) not in RACES or same_group(other.actor, actor):
            continue
        if other.locks and not access.locks.isdisjoint(other.locks):
            continue
        if hard.get(other.actor.number, -1) >= other.epoch:
            continue
        report(other, access, not full_before(other, access))
