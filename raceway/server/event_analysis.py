"""The analysis of a stream of events: bounded in memory, whatever comes."""

from __future__ import annotations

import os
from bisect import bisect_right
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
    from raceway.server.sdk_events import Waiting
    from raceway.server.senders import Sender

WAITING_KEPT: Final = 50_000
"""Events that wait, at most."""
_AT_ONCE: Final = 500
"""Events that are taken at a time: they stay in the processor's cache until they are done with."""
_LATE: Final = 60 * 1_000_000_000
"""Nanoseconds after which an event comes too late to be compared by its time with what is there."""


def _time_of(waiting: Waiting) -> int:
    return waiting[0]


class Observer:
    """Sees events when it is their turn; this one does not look."""

    def event(self, event: Stored, sender: Sender) -> None:
        """See an event and who has sent it."""

    def events(self, waiting: list[Waiting]) -> None:
        """See events, one after the other."""
        for _, _, _, event, sender in waiting:
            self.event(event, sender)


class EventAnalysis:
    """Finds race conditions in events.

    Args:
        sources: Source files.
        root: Folder that paths in fingerprints are relative to.
        observer: Sees each event.
        delay: Seconds that what was tracked by hand waits for events of other processes.
        replay: What replays the events.

    Attributes:
        observer: As above; it may be changed.
    """

    def __init__(
        self,
        sources: SourceFolders,
        root: str = "",
        observer: Observer | None = None,
        delay: float = 2.0,
        replay: type[EventReplay] = EventReplay,
    ) -> None:
        self.definitions = EventDefinitions()
        self.analyzer = ServerAnalyzer(self.definitions, sources.text)
        self.replay = replay(self.analyzer, self.definitions, sources)
        self.analyzer.replay = self.replay
        self._sources = sources
        self._root = root or os.getcwd()
        self.observer = observer or Observer()
        self._delay = delay
        self._programs = ProgramEvents(self.replay)
        self._sdks = SdkEvents(self.replay)
        self._waiting: list[Waiting] = []
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
        latest, offsets, take = self._latest, self._offsets, self._waiting.append
        earliest, last = now - _LATE, now + _LATE
        serial, run, newest = self._serial, "", 0
        sender, metadata = None, None
        for event in events:
            # Most events are of the sender of the one before.
            if sender is None or metadata is not event.event.metadata:
                metadata = event.event.metadata
                sender = self._senders.of(metadata)
                if newest:
                    latest[run] = newest
                run = sender.run
                newest, is_right = latest.get(run, 0), offsets.get(run) == 0
            time = event.time
            if sender.is_program:
                self.analyzer.time = time
                self.observer.event(event, sender)
                self._programs.feed(event, run)
                continue
            if not is_right or not earliest <= time <= last:
                time += self._offset(run, time, now)
                is_right = offsets[run] == 0
            # Within a process the order is that of the arrival.
            if time < newest:
                time = newest
            else:
                newest = time
            serial += 1
            take((time, serial, received, event, sender))
        if newest:
            latest[run] = newest
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
        until = next((one[0] for one in reversed(waiting) if one[2] <= late), -1)
        count = bisect_right(waiting, until, key=_time_of)
        count = max(count, len(waiting) - WAITING_KEPT)
        while count > 0:
            chosen = waiting[: min(count, _AT_ONCE)]
            del waiting[: len(chosen)]
            count -= len(chosen)
            self._analyse(chosen)

    def _analyse(self, chosen: list[Waiting]) -> None:
        analyzer, observer, sdks = self.analyzer, self.observer, self._sdks
        if not sdks.in_c:
            for _, _, _, event, sender in chosen:
                analyzer.time = event.time
                observer.event(event, sender)
                sdks.feed(event, sender)
            return
        observer.events(chosen)  # it does not ask what has been found by then
        at = 0
        while (at := sdks.follow(chosen, at)) < len(chosen):
            _, _, _, event, sender = chosen[at]
            analyzer.time = event.time
            sdks.feed(event, sender)
            at += 1

    def findings(self) -> tuple[tuple[Finding, ...], dict[tuple[str, str], Seen]]:
        """Return what was found, worst first, and where each was seen."""
        conclusions = ServerConclusions(self.analyzer, self._sources.line, self._root)
        return merge(conclusions.findings()), conclusions.seen
