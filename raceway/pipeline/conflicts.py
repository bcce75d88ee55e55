"""Which critical sections come before an access because what they did conflicts with it.

The first rule of weak causal precedence (WCP, "Dynamic Race Prediction in Linear Time", D. Kini,
U. Mathur and M. Viswanathan, PLDI 2017): what an access under a lock sees was made by an earlier
critical section of that lock, so the whole of that section comes first, and with another order of
the sections the program might have taken another way.
"""

from __future__ import annotations

from collections.abc import Iterator

from raceway.engine.stamped import GROW_BIT, READ_BIT, WRITE_BIT, Held, Message
from raceway.model import ops
from raceway.model.aging import Aging
from raceway.model.clocks import EMPTY

BITS = {
    ops.READ: READ_BIT,
    ops.WRITE: WRITE_BIT,
    ops.UPDATE: READ_BIT | WRITE_BIT,
    ops.GROW: GROW_BIT,
    ops.LENGTH: READ_BIT,
    ops.ITERATE: READ_BIT,
    ops.SCAN: READ_BIT,
    ops.STEP: READ_BIT,
}
"""What an access does, for the question whether two critical sections conflict."""
ACTORS_KEPT = 64
"""Actors whose reads of a variable, or insertions, since its last write are remembered."""
VARIABLES_KEPT = 4096
"""Variables of a generation, for each lock."""


class Done:
    """What was done to one variable since its last write: that, and the latest of each actor."""

    __slots__ = ("grew", "read", "wrote")

    def __init__(self) -> None:
        self.wrote: Held | None = None
        self.grew: dict[int, Held] = {}
        self.read: dict[int, Held] = {}

    def sections(self) -> Iterator[Held]:
        """Yield all sections."""
        if self.wrote is not None:
            yield self.wrote
        yield from self.grew.values()
        yield from self.read.values()


class Conflicts:
    """The critical sections of one lock, by what they did; insertions commute with each other.

    A write comes after everything that was done before, and whoever conflicts with that conflicts
    with the write, too: older sections are forgotten then.

    Attributes:
        older: What was known at the end of sections that had to be forgotten: taken to come before
            every access under this lock, since what they did is not known any more.
    """

    __slots__ = ("_variables", "older")

    def __init__(self) -> None:
        self.older: Message | None = None
        self._variables: Aging[int, Done] = Aging(VARIABLES_KEPT, self._forget)

    def sections(self) -> Iterator[Held]:
        """Yield all sections that are remembered."""
        for done in self._variables.values():
            yield from done.sections()

    def _forget(self, _variable: int, done: Done) -> None:
        for section in done.sections():
            self._forget_section(section)

    def _forget_section(self, section: Held) -> None:
        if section.end is not None:
            if self.older is None:
                self.older = Message(None, 0, EMPTY, EMPTY, EMPTY, EMPTY)
            self.older = self.older.and_also(section.end)

    def meet(self, variable: int, bits: int, section: Held) -> list[Held]:
        """Note an access, and return the sections of other actors that come before it."""
        done = self._variables.get(variable)
        if done is None:
            done = self._variables[variable] = Done()
        actor = section.actor
        last = done.wrote
        found = []
        if last is not None and last.actor is not actor:
            found.append(last)
        if done.grew and bits != GROW_BIT:
            found += [one for one in done.grew.values() if one.actor is not actor]
        if bits & WRITE_BIT:
            if done.read:
                found += [one for one in done.read.values() if one.actor is not actor]
                done.read = {}
            done.wrote = section
            if done.grew:
                done.grew = {}
            return found
        if bits & GROW_BIT:
            latest = done.grew
            found += [one for one in done.read.values() if one.actor is not actor]
        else:
            latest = done.read
        latest[actor.number] = section
        if len(latest) > ACTORS_KEPT:
            self._forget_section(latest.pop(next(iter(latest))))
        return found
