"""Finds the accesses of a finding in a trace of the run."""

from __future__ import annotations

from collections import deque
from itertools import repeat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raceway.model.findings import Access, Finding
    from raceway.model.run_trace import RunTrace

READS: Final = frozenset({"read", "length", "iterate", "read all"})
"""Operations that change nothing."""


_KEPT: Final = 200
"""Events alike that are remembered; the latest."""


class TracedAccesses:
    """The accesses of a trace, by what a finding knows of them.

    Args:
        trace: The trace.
    """

    def __init__(self, trace: RunTrace) -> None:
        names = {actor.number: actor.name for actor in trace.actors}
        self._alike: dict[tuple[str, str, int, bool, str], deque[int]] = {}
        for position, event in enumerate(trace.events):
            if event.kind == "access" and event.actor in names:
                key = (
                    event.name, event.file, event.line, event.detail in READS, names[event.actor]
                )  # fmt: skip
            elif event.kind == "hold" and event.actor in names:
                # An inversion is about locks that were taken, and names no variable.
                key = ("", event.file, event.line, False, names[event.actor])
            else:
                continue
            alike = self._alike.get(key)
            if alike is None:
                alike = self._alike[key] = deque(maxlen=_KEPT)
            alike.append(position)

    def of(self, finding: Finding) -> list[int]:
        """Return the positions of events like the accesses of a finding, in order.

        Like means: by an actor of the same name, at the same place, to the same variable; for a
        lock-order inversion, a lock that was taken there.  Of several, those close together are
        taken: the latest one of what happened least often, and what is nearest to it.
        """
        sides = [found for found in map(self._like, finding.accesses, repeat(finding)) if found]
        if not sides:
            return []
        anchor = min(sides, key=len)[-1]
        return sorted({min(side, key=lambda one: abs(one - anchor)) for side in sides})

    def _like(self, access: Access, finding: Finding) -> Sequence[int]:
        if not access.stack:
            return ()
        frame = access.stack[0]
        is_read = bool(finding.variable) and access.access == "read"
        key = (finding.variable, frame.file, frame.line, is_read, access.actor.name)
        return self._alike.get(key, ())
