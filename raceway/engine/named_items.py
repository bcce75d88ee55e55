"""A walk over a container that only names the items to look up or take out later, one by one.

``for key in expired(): drop(key)``: what others insert in between does no harm, as it has not been
named.  And who looks at each item again before it is taken out goes by that, not by the walk.
``for key in list(d): use(d[key])`` fails if others take the item out in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from raceway.engine.atomicity import are_one
from raceway.engine.commutes import READS
from raceway.engine.judge import Judge
from raceway.engine.shadow import Sequence, Shadow, Trail
from raceway.engine.stamped import Access
from raceway.model import ops

_COPIES = frozenset({ops.ITERATE, ops.SCAN})
_REMOVALS = frozenset({ops.WRITE, ops.UPDATE})
_WALKS = frozenset({ops.ITERATE, ops.SCAN, ops.STEP})


def does_no_harm(
    sequence: Sequence, other: Access, judge: Judge, is_item: Callable[[Access], bool]
) -> bool:
    """Tell whether the removal of a named item is right, although ``other`` came in between.

    Args:
        sequence: On the container itself.
        other: Another actor's access to the container.
        judge: Knows the source.
        is_item: Tells whether an access is one to an item of the container.
    """
    first, second = sequence.first, sequence.second
    if not _names(first, second, judge):
        return False
    if other.kind == ops.GROW and other.index < first.index:
        return True  # it was there when its name was read, or it is another one
    if other.kind == ops.UPDATE and not judge.fails_when_gone(second):
        return True
    return any(
        one.kind in READS
        and first.index < one.index < second.index
        and is_item(one)
        and are_one(one, second, other)
        and judge.is_recheck(first.site, one.site, second.site)
        for one in second.actor.latest.values()
    )


def _names(first: Access, second: Access, judge: Judge) -> bool:
    return (
        first.kind in _WALKS
        and second.kind == ops.UPDATE
        and judge.takes_named(second.site)
        and not judge.is_only_tested(first.site, second.site, second.kind)
    )


def is_another_one(
    sequence: Sequence, other: Access, judge: Judge, shadows: Iterable[Shadow]
) -> bool:
    """Tell whether no item that was taken out has been put there by ``other``.

    The same places as those of the three accesses count, whatever the item.

    Args:
        sequence: On the container itself.
        other: Another actor's access to the container.
        judge: Knows the source.
        shadows: Of the items.
    """
    first, second = sequence.first, sequence.second
    if other.kind != ops.GROW or not _names(first, second, judge):
        return False
    for shadow in shadows:
        taken, put = shadow.trails.get(second.actor.number), shadow.trails.get(other.actor.number)
        if taken is None or put is None:
            continue
        begin = min((one.index for one in taken.accesses() if one.site is second.site), default=0)
        if begin and any(one.index > begin for one in put.accesses() if one.site is other.site):
            return False
    return True


def lookups(shadow: Shadow, judge: Judge) -> Iterator[tuple[Sequence, Access]]:
    """Yield where an item is looked up that a copy of the container has named, and its removals.

    The sequence begins in the container and ends in the item, so that nobody has seen it before.

    Args:
        shadow: Of the item.
        judge: Knows the source.
    """
    container = shadow.container
    if container is None or len(shadow.trails) < 2 or not shadow.kinds >> ops.READ & 1:
        return
    for number, trail in shadow.trails.items():
        walks = container.trails.get(number)
        if walks is None:
            continue
        gone = [
            access
            for other in shadow.trails.values()
            if other is not trail
            for access in other.accesses()
            if access.kind in _REMOVALS and judge.is_removal(access.site)
        ]
        for second in trail.accesses() if gone else ():
            if second.kind == ops.READ and judge.fails_when_gone(second):
                for first in walks.accesses():
                    if first.kind in _COPIES and first.index < second.index:
                        yield from _broken(trail, first, second, gone, judge)


def _broken(
    trail: Trail, first: Access, second: Access, gone: list[Access], judge: Judge
) -> Iterator[tuple[Sequence, Access]]:
    if not judge.is_named_by(first.site, second.site):
        return
    rechecks = tuple(
        one
        for one in trail.accesses()
        if one.kind in READS
        and first.index < one.index < second.index
        and judge.is_recheck(first.site, one.site, second.site)
    )
    sequence = Sequence(first, second, rechecks, (), True, False, -1)
    for other in gone:
        if other.index > first.index:  # else the copy would not have named it
            yield sequence, other
