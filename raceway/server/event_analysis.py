"""The analysis of a stream of events: bounded in memory, whatever comes."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from raceway.analysis import merge
from raceway.server.event_replay import EventDefinitions, EventReplay
from raceway.server.evidence import Seen, ServerAnalyzer, ServerConclusions
from raceway.server.places import SourceFolders
from raceway.server.program_events import ProgramEvents
from raceway.server.sdk_events import SdkEvents
from raceway.server.senders import Senders

if TYPE_CHECKING:
    from raceway.model.findings import Finding
    from raceway.server.event_reader import Stored
    from raceway.server.senders import Sender

WAITING_KEPT: Final = 50_000
"""Events that wait, at most."""
_LATE: Final = 60 * 1_000_000_000
"""Nanoseconds after which an event comes too late to be compared by its time with what is there."""


def _time_of(waiting: tuple[int, int, float, Stored, Sender]) -> int:
    return waiting[0]


class EventAnalysis:
    """Finds race conditions in events.

    Args:
        sources: Source files.
        root: Folder that paths in fingerprints are relative to.
        observe: Called with each event and its sender when it is its turn.
        delay: Seconds that what was tracked by hand waits for events of other processes.
        replay: What replays the events.

    Attributes:
        observe: As above; it may be changed.
    """

    def __init__(
        self,
        sources: SourceFolders,
        root: str = "",
        observe: Callable[[Stored, Sender], None] = lambda _event, _sender: None,
        delay: float = 2.0,
        replay: type[EventReplay] = EventReplay,
    ) -> None:
        self.definitions = EventDefinitions()
        self.analyzer = ServerAnalyzer(self.definitions, sources.text)
        self.replay = replay(self.analyzer, self.definitions, sources)
        self.analyzer.replay = self.replay
        self._sources = sources
        self._root = root or os.getcwd()
        self.observe = observe
        self._delay = delay
        self._programs = ProgramEvents(self.replay)
        self._sdks = SdkEvents(self.replay)
        self._waiting: list[tuple[int, int, float, Stored, Sender]] = []
        self._serial = 0
        self._senders = Senders()
        self._latest: dict[str, int] = {}
        self._offsets: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """How many events wait for others."""
        return len(self._waiting)

    def feed(self, events: list[Stored], received: float) -> None:
        """Take events in the order of their arrival.

        Args:
            events: The events.
            received: When they were stored, in seconds since the epoch.
        """
        now = int(received * 1e9)
        latest, waiting, offsets = self._latest, self._waiting, self._offsets
        earliest, last = now - _LATE, now + _LATE
        serial = self._serial
        sender = None
        for event in events:
            # Most events are of the sender of the one before.
            if sender is None or sender.metadata is not event.event.metadata:
                sender = self._senders.of(event.event.metadata)
                run = sender.run
            time = event.time
            if sender.is_program:
                self.analyzer.time = time
                self.observe(event, sender)
                self._programs.feed(event, run)
                continue
            if not earliest <= time <= last or offsets.get(run) != 0:
                time += self._offset(run, time, now)
            # Within a process the order is that of the arrival.
            newest = latest.get(run, 0)
            if time < newest:
                time = newest
            else:
                latest[run] = time
            serial += 1
            waiting.append((time, serial, received, event, sender))
        self._serial = serial
        if len(self._latest) > WAITING_KEPT:
            self._latest.clear()
            self._offsets.clear()

    def _offset(self, run: str, time: int, now: int) -> int:
        """Return what to add to the times of a process whose clock is wrong, or that is late.

        By how much it is wrong is seen from the quickest of its events: the others took longer.
        """
        offset = self._offsets.get(run)
        if offset is None or abs(time + offset - now) > _LATE:
            known = (one for one in self._offsets.values() if abs(time + one - now) <= _LATE)
            offset = 0 if abs(time - now) <= _LATE else next(known, now - time)
            self._offsets[run] = offset
        elif offset and time + offset > now:
            offset = self._offsets[run] = now - time
        return offset

    def advance(self, now: float) -> None:
        """Analyse what has waited long enough.

        Args:
            now: The time until which all that was stored has been fed, in seconds since the epoch;
                infinite if nothing more will come.
        """
        self._programs.resume()
        if now == float("inf"):
            self._programs.resume(patient=False)
        waiting = self._waiting
        if not waiting:
            return
        waiting.sort()
        late = now - self._delay
        until = max((one[0] for one in waiting if one[2] <= late), default=-1)
        count = bisect_right(waiting, until, key=_time_of)
        count = max(count, len(waiting) - WAITING_KEPT)
        chosen, self._waiting = waiting[:count], waiting[count:]
        analyzer, observe, feed = self.analyzer, self.observe, self._sdks.feed
        for _, _, _, event, sender in chosen:
            analyzer.time = event.time
            observe(event, sender)
            feed(event, sender)

    def findings(self) -> tuple[tuple[Finding, ...], dict[tuple[str, str], Seen]]:
        """Return what was found, worst first, and where each was seen."""
        conclusions = ServerConclusions(self.analyzer, self._sources.line, self._root)
        return merge(conclusions.findings()), conclusions.seen
