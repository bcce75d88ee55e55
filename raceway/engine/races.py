"""Data races: conflicting accesses, unordered, with no lock in common.

Happens-before and locksets together.  The order is the causal one, without the order in which
mutexes happened to be taken, so that a race is found also when a mutex kept the two apart by
chance in this run (predicted); accesses under a common lock are no race in any order.

Sources: Eraser (S. Savage et al., TOCS 1997) for locksets, FastTrack (C. Flanagan and S. Freund,
PLDI 2009) for epochs, WCP (D. Kini et al., PLDI 2017) for the causal order.
"""

from __future__ import annotations

from collections.abc import Callable

from raceway.engine.commutes import ITEM_RACES, RACES, READS
from raceway.engine.order import excluded, full_before
from raceway.engine.shadow import Shadow, Trail, is_plain, place
from raceway.engine.stamped import Access
from raceway.model import ops

ReportRace = Callable[[Access, Access, bool], None]

_KINDS = range(ops.LAST_ACCESS + 1)


def _bits(relation: frozenset[tuple[int, int]]) -> tuple[int, ...]:
    """Return by kind: the kinds that are related to it, as bits."""
    return tuple(sum(1 << one for one in _KINDS if (one, kind) in relation) for kind in _KINDS)


BY_KIND = _bits(RACES)
"""By kind: the kinds, as bits, that race with it on one variable."""
ITEMS_BY_KIND = _bits(ITEM_RACES)
"""The same for one item of a container."""
_WITH_ITEM = {
    ops.READ: {ops.WRITE},
    ops.UPDATE: {ops.WRITE},
    ops.WRITE: {ops.WRITE, ops.SCAN},
}
"""Kind of an access to an item: kinds of accesses to its container that may conflict with it."""
_PAIRS = {(item, whole) for item, wholes in _WITH_ITEM.items() for whole in wholes}
WITH_WHOLE = _bits(RACES & {(item, whole) for item, whole in _PAIRS})
"""By kind of an access to a container: the kinds of accesses to its items that race with it."""
WITH_ITEMS = _bits(RACES & {(whole, item) for item, whole in _PAIRS})
"""By kind of an access to an item: the kinds of accesses to its container that race with it."""


def check(shadow: Shadow, mine: Trail | None, access: Access, report: ReportRace) -> bool:
    """Compare an access with the earlier ones that are remembered.

    Args:
        shadow: Of the variable.
        mine: What the same actor did to it; without the new access.
        access: The new access.
        report: Called with the earlier access, the new one, and whether nothing at all ordered
            them in this run.

    Returns:
        Whether there was anything to report.
    """
    raced = False
    kind = access.kind
    container = shadow.container
    racing = BY_KIND[kind] if container is None else ITEMS_BY_KIND[kind]
    # Where a single actor or group is at it, nothing can race.
    several = shadow.group is None or shadow.group != access.actor.group
    if (
        several
        and shadow.kinds & racing
        and (mine is None or not _is_repeated(shadow, mine, access))
    ):
        raced = _compare(shadow, shadow.trails, racing, access, report)
    if container is not None:
        # An insertion is an access to the structure, too, and was compared as such.
        racing = WITH_ITEMS[kind]
        if container.kinds & racing:
            raced = _compare(shadow, container.trails, racing, access, report) or raced
    elif shadow.item_trails and shadow.item_kinds & WITH_WHOLE[kind]:
        trails = shadow.item_trails
        raced = _compare(shadow, trails, WITH_WHOLE[kind], access, report) or raced
    return raced


def _is_repeated(shadow: Shadow, mine: Trail, access: Access) -> bool:
    """Tell whether the answer must be that of the last time: no race.

    The actor has been here in the same way, and nobody else did anything since that matters; what
    the actor has learned since can only order more.  FastTrack does that within one epoch.
    """
    before = mine.places.get(place(access))
    if before is None or mine.raced or before.locks != access.locks or not shadow.plain:
        return False
    if shadow.last is mine and before.index >= shadow.since:
        return True
    return access.kind in READS and before.index > shadow.written


def _compare(
    shadow: Shadow, trails: dict[int, Trail], racing: int, access: Access, report: ReportRace
) -> bool:
    raced = False
    worker = 0 if shadow.shared else access.actor.worker
    group = access.actor.group
    hard = access.hard
    locks = access.locks
    plain = is_plain(access)
    for number, trail in trails.items():
        if (
            not trail.kinds & racing
            or trail.actor.group == group
            or (worker and trail.actor.worker == worker)
            or hard.get(number, -1) >= trail.epoch
            or (plain and trail.plain and not locks.isdisjoint(trail.locks))
        ):
            continue  # whatever it did
        for other in trail.accesses():
            if not racing >> other.kind & 1:
                continue
            if excluded(access.sections, access.borrowed, other):
                continue
            if hard.get(number, -1) >= other.epoch:
                continue
            raced = True
            report(other, access, not full_before(other, access))
    return raced
