"""What the engine remembers of one variable: bounded, whatever the program does."""

from __future__ import annotations

from typing import Any

from raceway.engine.commutes import READS
from raceway.engine.stamped import Access, ActorReplay

ENTRIES_KEPT = 64
"""Accesses kept of a variable: the latest of each actor, kind, site and lockset."""
RECENT_KEPT = 12
"""Places at which an actor accessed a variable, as possible beginnings of a sequence."""
SEQUENCES_KEPT = 64

_MISSING = object()

EntryKey = tuple[int, int, int, frozenset[int]]


class Sequence:
    """Two accesses of one actor that rely on each other.

    Attributes:
        sections: Critical sections that cover both, ``(lock, serial)``.
        rechecks: Reads in between that check again before the second access.
        claims: Writes in between that have acted on the check; the second access does not.
        broken_by_write: Whether writes of others break it; else reads do.
        takes: The first access takes what the second one then resets.
    """

    __slots__ = (
        "broken_by_write", "claims", "first", "rechecks", "second", "sections", "takes",
    )  # fmt: skip

    def __init__(
        self,
        first: Access,
        second: Access,
        rechecks: tuple[Access, ...],
        claims: tuple[Access, ...] = (),
        *,
        broken_by_write: bool,
        takes: bool = False,
    ) -> None:
        self.broken_by_write = broken_by_write
        self.takes = takes
        self.first = first
        self.second = second
        self.sections = first.sections & second.sections
        self.rechecks = rechecks
        self.claims = claims


class Shadow:
    """Shadow state of one variable.

    Attributes:
        by_hand: Its accesses are reported by calls of the program.
        container: The shadow of the container, for an item of it.
        entries: Latest access for each actor, kind, site and lockset.
        items: For a container: latest access to any item, likewise; insertions are its own.
        recent: For each actor, its latest access at each place.
        sequences: Latest sequence for each actor and pair of places.
        owners: Actors that have accessed it, by number, up to two.
    """

    __slots__ = (
        "by_hand", "container", "entries", "has_value", "items", "number", "owners", "recent",
        "sequences", "value",
    )  # fmt: skip

    def __init__(
        self, number: int, container: Shadow | None = None, *, by_hand: bool = False
    ) -> None:
        self.number = number
        self.by_hand = by_hand
        self.container = container
        self.entries: dict[EntryKey, Access] = {}
        self.items: dict[EntryKey, Access] = {}
        self.recent: dict[int, dict[tuple[int, int], Access]] = {}
        self.sequences: dict[tuple[int, int, int], Sequence] = {}
        self.owners: set[int] = set()
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
            access.unchanged = (
                self.has_value
                and type(self.value) is type(access.value)
                and self.value == access.value
            )
            self.value = access.value
            self.has_value = True
        else:
            self.has_value = False

    @staticmethod
    def keep(entries: dict[EntryKey, Access], access: Access) -> None:
        """Remember an access in ``entries``, in the place of an older one of the same kind."""
        key = (access.actor.number, access.kind, access.site.number, access.locks)
        if key not in entries and len(entries) >= ENTRIES_KEPT:
            del entries[next(iter(entries))]
        entries[key] = access

    def keep_recent(self, access: Access) -> None:
        """Remember where the actor has accessed this variable."""
        recent = self.recent.setdefault(access.actor.number, {})
        key = (access.site.number, access.kind)
        recent.pop(key, None)
        if len(recent) >= RECENT_KEPT:
            del recent[next(iter(recent))]
        recent[key] = access

    def keep_sequence(self, sequence: Sequence) -> None:
        """Remember a sequence, in the place of an older one at the same places."""
        key = (
            sequence.first.actor.number,
            sequence.first.site.number,
            sequence.second.site.number,
        )
        self.sequences.pop(key, None)
        if len(self.sequences) >= SEQUENCES_KEPT:
            del self.sequences[next(iter(self.sequences))]
        self.sequences[key] = sequence


def same_group(one: ActorReplay, two: ActorReplay) -> bool:
    """Tell whether two actors take turns on one thread, or are the same."""
    return one is two or one.group == two.group
