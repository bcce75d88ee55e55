"""Retirement: who has ended, and what is left to know of them.

An actor that has ended, and of whose end every living actor knows, comes before everything that is
still to happen: new actors learn from living ones.  Nobody needs to ask for it again, so it goes
out of all clocks, and what it did out of the memory of the detectors.

There are ends that not everybody learns of: of tasks that nobody awaits, or because of one thread
that never waits for anything.  Of these a bounded number is kept.  For older ones it is taken that
everybody knows, which may hide a race with what is long past, and accuses nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from raceway.model.clocks import Only, clock_of

if TYPE_CHECKING:
    from raceway.engine.stamped import ActorReplay, Message
    from raceway.pipeline.messages import Hearsay

ENDED_KEPT = 256
"""Actors that have ended, and whose end is not known everywhere."""
FEWEST = 256
"""Ends between two reviews, at least."""
LIVING_KEPT = 50_000
"""Actors that have not ended, or of which nobody has said so."""


class Retirement:
    """Retires actors of one process.

    Args:
        actors: All that are not retired, by number.
        hearsay: What those knew that have retired.
        tell: Lets an actor know what a message says.
        retire: Takes actors out of ``actors``, and what they know into ``hearsay``.
        forgotten: The names under which all that is forgotten is known.
    """

    def __init__(
        self,
        actors: dict[int, ActorReplay],
        hearsay: Hearsay,
        tell: Callable[[ActorReplay, Message], None],
        retire: Callable[[list[ActorReplay]], None],
        forgotten: tuple[int, ...],
    ) -> None:
        self._actors = actors
        self._hearsay = hearsay
        self._tell = tell
        self._retire = retire
        self._forgotten = forgotten
        self._ended: list[ActorReplay] = []
        self._ends = FEWEST
        self._members = 2 * LIVING_KEPT

    def ended(self, actor: ActorReplay) -> None:
        """Take note of an end."""
        if not actor.ended:
            actor.ended = True
            self._ended.append(actor)
            if len(self._ended) >= self._ends:
                self.review()

    def appeared(self) -> None:
        """Take note of a new actor."""
        if len(self._actors) > self._members:
            self.review()

    def review(self) -> None:
        """Retire whoever can."""
        living = [actor for actor in self._actors.values() if not actor.ended]
        known, unknown = _by_knowledge(self._ended, living)
        forced = unknown[: max(0, len(unknown) - ENDED_KEPT)]
        self._ended = unknown[len(forced) :]
        if len(living) > LIVING_KEPT:
            idle = [one for one in living if one.kind != "thread" and not (one.held or one.saved)]
            forced += idle[: len(living) - LIVING_KEPT]
        over = [*known, *forced]
        self._retire(over)
        self._prune({actor.number for actor in over})
        if forced:
            for actor in self._actors.values():
                self._tell(actor, self._hearsay.message)
        self._ends = len(self._ended) + max(FEWEST, len(living) // 4)
        self._members = 2 * max(LIVING_KEPT, len(self._actors))

    def _prune(self, retired: set[int]) -> None:
        """Remove those who have retired from all clocks; what is shared stays shared."""
        only = Only(clock_of(dict.fromkeys((*self._actors, *self._forgotten), 0)))
        knowing: list[ActorReplay | Message] = [self._hearsay.message]
        for actor in self._actors.values():
            knowing.append(actor)
            if actor.origin is not None:
                knowing.append(actor.origin)
        for one in knowing:
            life, base, hard, full = one.life, one.base, one.hard, one.full
            one.life = one.base = one.hard = one.full = only(life)
            # Mostly they are one object.
            if base is not life:
                one.base = one.hard = one.full = only(base)
            if hard is not base:
                one.hard = one.full = only(hard)
            if full is not hard:
                one.full = only(full)
        for actor in self._actors.values():
            if actor.caused:
                for number in retired.intersection(actor.caused):
                    del actor.caused[number]


def _by_knowledge(
    ended: list[ActorReplay], living: list[ActorReplay]
) -> tuple[list[ActorReplay], list[ActorReplay]]:
    """Divide who has ended: those whose end all the living know of, and the others."""
    known, unknown = [], []
    ignorant = living[:1]
    for actor in ended:
        number, epoch = actor.number, actor.last
        # Whoever did not know of the one before will not know of this one.
        if ignorant and ignorant[0].life.get(number, -1) < epoch:
            unknown.append(actor)
            continue
        for other in living:
            if other.life.get(number, -1) < epoch:
                ignorant = [other]
                unknown.append(actor)
                break
        else:
            known.append(actor)
    return known, unknown
