"""What the engine remembers of one variable: bounded, whatever the program does.

It is kept for each actor apart, as a *trail*, because most questions have one answer for all that
an actor did: it comes before, it was done under a common lock, it cannot come in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from raceway.engine.commutes import READS, WRITES
from raceway.engine.stamped import Access, ActorReplay, Site

if TYPE_CHECKING:
    from raceway.engine.pairs import Pair

PLACES_KEPT = 32
"""Places and kinds of access kept of an actor: the latest access of each."""
LOCKSETS_KEPT = 16
"""Further accesses kept of an actor, because they were at the same places under other locks."""
TRAILS_KEPT = 256
"""Actors kept of a variable."""
ENDED_KEPT = 32
"""Actors among them that have ended, and as many that come before it is looked who has."""
SEQUENCES_KEPT = 16
"""Sequences kept of an actor."""

_MISSING = object()
_NO_LOCKS: frozenset[int] = frozenset()


class Sequence:
    """Two accesses of one actor that rely on each other.

    Attributes:
        sections: Critical sections that cover both, ``(lock, serial)``.
        locks: The locks of ``sections`` if :func:`is_plain`: whoever holds one, in a way as plain,
            cannot come in between.
        rechecks: Reads in between that check again before the second access.
        claims: Writes in between that have acted on the check; the second access does not.
        broken_by_write: Whether writes of others break it; else reads do.
        at_once: Whether its actor could not be switched away from in between.
        takes: The first access takes what the second one then resets.
        unharmed_by: A kind of accesses of others that do it no harm, or -1.
    """

    __slots__ = (
        "at_once", "broken_by_write", "claims", "first", "locks", "rechecks", "second", "sections",
        "takes", "unharmed_by",
    )  # fmt: skip

    def __init__(
        self,
        first: Access,
        second: Access,
        rechecks: tuple[Access, ...],
        claims: tuple[Access, ...],
        broken_by_write: bool,
        takes: bool,
        unharmed_by: int,
    ) -> None:
        self.unharmed_by = unharmed_by
        self.broken_by_write = broken_by_write
        self.takes = takes
        self.first = first
        self.second = second
        # Who takes a lock may have to wait, and then others run.
        self.at_once = first.segment == second.segment and not (
            second.waits and any(index > first.index for index, _ in second.waits)
        )
        sections = second.sections
        self.locks = _NO_LOCKS
        if first.sections is not sections:
            sections = first.sections & sections
            if sections and is_plain(second):
                self.locks = frozenset([lock for lock, _ in sections])
        elif sections and is_plain(second):
            self.locks = second.locks
        self.sections = sections
        self.rechecks = rechecks
        self.claims = claims


class Trail:
    """What one actor did to one variable.

    Attributes:
        epoch: Of its latest access.
        index: Of its latest access.
        kinds: Bits ``1 << kind`` of all its accesses.
        locks: The locks that it held at each of them.
        plain: Whether all of them are, see :func:`is_plain`.
        places: Its latest access at each place, by :func:`place`.
        others: Its latest accesses at the same places under other locks.
        raced: Whether one of its accesses was found to race with an earlier one.
        firsts: By place: the pairs of a place among ``places`` with it.
        covered: The locks that cover every one of ``sequences``.
        sequences: Its latest sequence for each pair of places.
    """

    __slots__ = (
        "actor", "covered", "epoch", "firsts", "index", "kinds", "locks", "others", "places",
        "plain", "raced", "sequences",
    )  # fmt: skip

    def __init__(self, actor: ActorReplay, locks: frozenset[int]) -> None:
        self.actor = actor
        self.epoch = -1
        self.index = -1
        self.kinds = 0
        self.raced = False
        self.plain = True
        self.locks = locks
        self.places: dict[int, Access] = {}
        self.others: dict[tuple[int, frozenset[int]], Access] | None = None
        self.firsts: dict[int, tuple[Pair, ...]] | None = None
        self.covered = locks
        self.sequences: dict[tuple[int, int], Sequence] | None = None

    def accesses(self) -> Iterator[Access]:
        """Yield the latest access of each kind, site and lockset."""
        yield from list(self.places.values())
        if self.others:
            yield from list(self.others.values())

    def keep(self, access: Access) -> None:
        """Remember an access, in the place of an older one of the same kind."""
        key = place(access)
        before = self.places.get(key)
        self.epoch = access.epoch
        self.index = access.index
        self.kinds |= 1 << access.kind
        if self.plain and not is_plain(access):
            self.plain = False
        if self.locks is not access.locks:
            self.locks &= access.locks
        if before is None:
            self.firsts = None
            if len(self.places) >= PLACES_KEPT:
                oldest = min(self.places, key=lambda one: self.places[one].index)
                del self.places[oldest]
        elif before.locks is not access.locks and before.locks != access.locks:
            self._keep_other(key, before, access.locks)
        self.places[key] = access

    def _keep_other(self, key: int, before: Access, now: frozenset[int]) -> None:
        if self.others is None:
            self.others = {}
        self.others.pop((key, now), None)
        self.others[key, before.locks] = before
        if len(self.others) > LOCKSETS_KEPT:
            del self.others[next(iter(self.others))]

    def keep_sequence(self, sequence: Sequence) -> None:
        """Remember a sequence, in the place of an older one at the same places."""
        if self.sequences is None:
            self.sequences = {}
            self.covered = sequence.locks
        elif self.covered is not sequence.locks:
            self.covered &= sequence.locks
        key = (place(sequence.first), place(sequence.second))
        if len(self.sequences) >= SEQUENCES_KEPT and key not in self.sequences:
            del self.sequences[next(iter(self.sequences))]
        self.sequences[key] = sequence


class Shadow:
    """Shadow state of one variable.

    Attributes:
        by_hand: Its accesses are reported by calls of the program.
        container: The shadow of the container, for an item of it.
        flagged: Whether it has served as a lock: see :mod:`raceway.engine.flags`.
        shared: Whether it lies in the memory of several processes.
        trails: What each actor did, by its number.
        kinds: Bits ``1 << kind`` of all accesses.
        item_trails: For a container: what each actor did to any item; insertions are its own.
        item_kinds: For a container: bits of all accesses to items.
        plain: Whether all its accesses are, see :func:`is_plain`.
        limit: How many of them may come before it is looked who can go.
        group: The group of all actors in ``trails``; None if there are several.
        sequenced: Those of ``trails`` that have sequences.
        switched: Those of them that have one with a switch in it.
        linked: Sites at which a sequence has begun, and has ended.
        last: Who accessed it last.
        since: Index of the first of the accesses that only ``last`` has made.
        written: Index of the last write.
    """

    __slots__ = (
        "by_hand", "container", "flagged", "group", "has_value", "item_kinds", "item_trails",
        "kinds", "last", "limit", "linked", "number", "plain", "sequenced", "shared", "since",
        "switched", "trails", "value", "written",
    )  # fmt: skip

    def __init__(
        self, number: int, container: Shadow | None = None, *, by_hand: bool = False
    ) -> None:
        self.number = number
        self.by_hand = by_hand
        self.container = container
        self.shared = False
        self.flagged = False
        self.trails: dict[int, Trail] = {}
        self.kinds = 0
        self.plain = True
        self.item_kinds = 0
        self.item_trails: dict[int, Trail] | None = None
        self.limit = 2 * ENDED_KEPT
        self.group: int | None = 0
        self.sequenced: dict[int, Trail] | None = None
        self.switched: dict[int, Trail] | None = None
        self.linked: set[tuple[Site, Site]] | None = None
        self.last: Trail | None = None
        self.since = 0
        self.written = -1
        self.value: Any = _MISSING
        self.has_value = False

    def follow_value(self, access: Access) -> None:
        """Keep track of the current value, and tell a read what it saw."""
        if access.kind in READS:
            if self.has_value:
                access.value = self.value
                access.has_value = True
            return
        if access.has_value:
            access.unchanged = self.has_value and are_equal(self.value, access.value)
            self.value = access.value
            self.has_value = True
        else:
            self.has_value = False

    def begin(self, access: Access) -> Trail:
        """Make a trail for an actor that has none."""
        actor = access.actor
        self.group = actor.group if not self.trails or self.group == actor.group else None
        trail = self.trails[actor.number] = Trail(actor, access.locks)
        return trail

    def keep(self, trail: Trail, access: Access) -> None:
        """Remember an access of the actor that ``trail`` belongs to."""
        trail.keep(access)
        self.kinds |= 1 << access.kind
        self.plain = self.plain and trail.plain
        if self.last is not trail:
            self.last = trail
            self.since = access.index
        if access.kind in WRITES:
            self.written = access.index

    def keep_sequence(self, trail: Trail, sequence: Sequence) -> None:
        """Remember a sequence of the actor that ``trail`` belongs to."""
        trail.keep_sequence(sequence)
        number = trail.actor.number
        if self.sequenced is None or self.linked is None:
            self.sequenced, self.linked = {}, set()
        self.sequenced[number] = trail
        self.linked.add((sequence.first.site, sequence.second.site))
        if not sequence.at_once:
            if self.switched is None:
                self.switched = {}
            self.switched[number] = trail

    def forget(self, number: int) -> None:
        """Forget what an actor did."""
        for trails in (self.trails, self.item_trails, self.sequenced, self.switched):
            if trails:
                trails.pop(number, None)
        if self.last is not None and self.last.actor.number == number:
            self.last = None

    def crowd(self) -> list[int]:
        """Return who is to go: of those who have ended all but the latest, if still too many."""
        trails = self.trails
        by_age = sorted(trails, key=lambda number: trails[number].index)
        over = [number for number in by_age if self.trails[number].actor.ended][:-ENDED_KEPT]
        if len(self.trails) - len(over) > TRAILS_KEPT:
            over += by_age[: TRAILS_KEPT // 4]
        self.limit = len(self.trails) - len(over) + ENDED_KEPT
        return over


def is_plain(access: Access) -> bool:
    """Tell whether all locks at an access are its actor's own: any common one excludes others.

    With locks that belong to whoever started the actor it is not as easy:
    see :func:`raceway.engine.order.excluded`.
    """
    return not access.borrowed and access.actor.kind != "call"


def are_equal(one: object, two: object) -> bool:
    """Tell whether two recorded values are the same: ``1`` is not ``True``."""
    return type(one) is type(two) and one == two


def place(access: Access) -> int:
    """Return a number for the site of an access and its kind."""
    return access.site.number << 4 | access.kind


def same_group(one: ActorReplay, two: ActorReplay) -> bool:
    """Tell whether two actors take turns on one thread, or are the same."""
    return one is two or one.group == two.group
