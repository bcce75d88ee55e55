"""Order that comes from state which nobody watches, but both critical sections name.

Where one section of a lock sets ``self.ready``, and a later one asks for it before it goes on, the
order of the two is meant: it is no accident of this run, as that of two sections usually is.  What
is watched says so by its accesses.  For the rest there is only the source
(:mod:`raceway.engine.section_shapes`), which does not know one object from another: so this
order counts against what is only predicted, and not against what happened.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from os import sep

from raceway.engine.definitions import Definitions
from raceway.engine.judge import Judge
from raceway.engine.section_shapes import NOTHING, Names, identifiers
from raceway.engine.stamped import FLAG_LOCKS, UNWATCHED, Held, Message

TOLD_KEPT = 16
"""Actors of which it is known that they have set one name under one lock; the latest."""
_STDLIB = sysconfig.get_path("stdlib") + sep


class Unwatched:
    """Knows which sections have set what a later one asks for.

    Args:
        definitions: Names of what is watched.
        judge: Answers questions about the source.
    """

    def __init__(self, definitions: Definitions, judge: Judge) -> None:
        self._definitions = definitions
        self._judge = judge

    def left(self, held: Held) -> None:
        """Take note of a section that has ended."""
        site = held.site
        names = site.sets
        if names is None:
            names = self._sets(held)
        if not names or held.end is None:
            return
        lock = held.guard
        if lock.told is None:
            lock.told = {}
        for name in names:
            told = lock.told.setdefault(name, {})
            told.pop(held.actor.number, None)
            told[held.actor.number] = held.end
            if len(told) > TOLD_KEPT:
                del told[next(iter(told))]

    def _sets(self, held: Held) -> Names:
        """Return what the section sets, and keep the answer once it is known what is watched."""
        site = held.site
        names = NOTHING
        if held.lock < FLAG_LOCKS and not self._is_stdlib(held):
            names = self._judge.sets_in(site)
        if names and held.done:
            for variable in held.done:
                if variable != UNWATCHED:
                    names -= identifiers(self._definitions.variable_name(variable))
            site.sets = names
        elif not names:
            site.sets = names
        return names

    def _is_stdlib(self, held: Held) -> bool:
        """Tell whether the lock was taken by the standard library, whose state is its own."""
        frame = self._judge.frame(held.site)
        return frame is None or (
            frame.file.startswith(_STDLIB) and "-packages" not in frame.file[len(_STDLIB) :]
        )

    def heard(self, held: Held) -> Iterator[Message]:
        """Yield the ends of the sections that a new one comes after, by what it asks for."""
        told = held.guard.told
        for name in self._judge.decides_by(held.site) if told else ():
            for number, message in told.get(name, {}).items():
                if number != held.actor.number:
                    yield message
