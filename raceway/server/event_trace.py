"""A trace of what is stored, to be looked at: the replay of the analysis, without its questions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from raceway.pipeline import wire_tags
from raceway.pipeline.run_trace import EVENTS_KEPT, Tee, Tracing
from raceway.server.event_analysis import EventAnalysis, Observer
from raceway.server.event_reader import EventReader, Refused, stored
from raceway.server.event_replay import EventReplay
from raceway.server.places import SourceFolders

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.engine.definitions import Definitions
    from raceway.engine.stamped import ActorReplay
    from raceway.model.run_trace import EventKind, RunTrace
    from raceway.pipeline.replay import Detector
    from raceway.redaction import Hides
    from raceway.server.event_reader import Stored
    from raceway.server.senders import Sender

_LONGEST: Final = 200
_FOREVER: Final = float("inf")


class TracingEventReplay(Tracing, EventReplay):
    """Replays events, and keeps what can be shown of them.

    Args:
        detector: Is not asked.
        definitions: What the numbers stand for.
        sources: Source files.
    """

    def __init__(
        self, detector: Detector, definitions: Definitions, sources: SourceFolders
    ) -> None:
        del detector
        EventReplay.__init__(self, Tee(None, self), definitions, sources)
        self.start_tracing(EVENTS_KEPT)
        self._begun: dict[tuple[EventKind, int, str], tuple[int, int, str]] = {}
        self._runs: dict[str, int] = {}

    def happened(self, actor: ActorReplay, event: Stored) -> None:
        """Take note of what is neither an access nor about a lock."""
        kind, fields, tags = event.kind, event.fields, event.event.metadata.tags
        if kind in {"HttpRequest", "HttpResponse"}:
            self._http(actor, event)
        elif kind == "DatabaseQuery":
            self._note(actor, "query", str(fields.query)[:_LONGEST])
        elif kind == "FunctionCall":
            if tags.get("seen") != "first time":
                self._note(actor, "note", f"calls {fields.function_name}")
        elif kind == "AsyncAwait":
            self._note(actor, "note", f"waits for {tags.get('task_name') or fields.future_id}")
        elif kind == "AsyncSpawn" and wire_tags.TASK not in tags:
            self._note(actor, "note", f"starts {tags.get('task_name') or fields.task_id}")
        elif kind == "Error":
            self._note(actor, "note", f"{fields.error_type}: {fields.message}"[:_LONGEST])
        elif kind == "Custom":
            self._note(actor, "note", fields.name)

    def _http(self, actor: ActorReplay, event: Stored) -> None:
        fields, tags = event.fields, event.event.metadata.tags
        what: EventKind = "request" if tags.get("http.direction", "in") == "in" else "call"
        key = (what, actor.number, tags.get(wire_tags.SPAN, ""))
        if event.kind == "HttpRequest":
            self._begun[key] = (self.index, self.time, f"{fields.method} {fields.url}")
            return
        at, time, name = self._begun.pop(key, (self.index, self.time, "response"))
        self._note(actor, what, name, at=at, time=time, detail=str(fields.status))

    def learn_epoch(self, actor: ActorReplay, other: int, epoch: int) -> None:
        """Let ``actor`` know what an actor did until an epoch."""
        self.note_order(actor, other, epoch)
        super().learn_epoch(actor, other, epoch)

    def process_of(self, number: int) -> int:
        """Return the number of the process of an actor."""
        origin = self.origins.peek(number)
        run = origin.run if origin is not None else ""
        return self._runs.setdefault(run, len(self._runs) + 1)

    def trace(self, hides: Hides = None) -> RunTrace:
        """Return what was kept; what one thread did in several traces is in one place.

        Args:
            hides: Whether the value of a variable of this name is a secret; mostly, who has sent
                it has seen to that.
        """
        for (what, number, _), (at, time, name) in self._begun.items():
            known = self.actors.get(number)
            if known is not None:
                self._note(known, what, name, at=at, time=time)
        self._begun.clear()
        trace = super().trace(hides)
        owners: dict[tuple[str, str], int] = {}
        merged: dict[int, int] = {}
        for actor in trace.actors:
            origin = self.origins.peek(actor.number)
            if origin is not None and origin.by_hand:
                owner = owners.setdefault((origin.run, origin.thread), actor.number)
                if owner != actor.number:
                    merged[actor.number] = owner
        names = tuple((number, run) for run, number in self._runs.items())
        return replace(_joined(trace, merged) if merged else trace, processes=names)


def _joined(trace: RunTrace, merged: dict[int, int]) -> RunTrace:
    """Let one actor do what several are said to do."""
    kept = {actor.number: actor for actor in trace.actors if actor.number not in merged}
    for actor in trace.actors:
        owner = merged.get(actor.number)
        if owner is not None:
            one = kept[owner]
            kept[owner] = replace(
                one, began=min(one.began, actor.began), ended=max(one.ended, actor.ended)
            )
    orders = (
        replace(
            one, before=merged.get(one.before, one.before), after=merged.get(one.after, one.after)
        )
        for one in trace.orders
    )
    return replace(
        trace,
        actors=tuple(kept.values()),
        events=tuple(
            replace(event, actor=merged[event.actor]) if event.actor in merged else event
            for event in trace.events
        ),
        orders=tuple(one for one in orders if one.before != one.after),
    )


class _Feed(Observer):
    """Replays events in the order of their arrival."""

    def __init__(self, sources: SourceFolders) -> None:
        self._analysis = EventAnalysis(sources, observer=self, delay=0.0, replay=TracingEventReplay)

    def event(self, event: Stored, _sender: Sender) -> None:
        """Let the replay know what time it is."""
        self._replay.time = event.time

    @property
    def _replay(self) -> Any:
        return self._analysis.replay

    def feed(self, events: list[Stored], received: float) -> None:
        self._analysis.feed(events, received)

    def trace(self, known: int) -> RunTrace:
        self._analysis.advance(_FOREVER)
        found: RunTrace = self._replay.trace()
        return replace(found, omitted=max(0, known))


def trace_of_events(events: list[Stored], sources: SourceFolders) -> RunTrace:
    """Return what events tell.

    Args:
        events: The events of one trace, in the order of their arrival.
        sources: Source files.
    """
    feed = _Feed(sources)
    if events:
        feed.feed(events, max(event.time for event in events) / 1e9)
    return feed.trace(0)


def trace_near(
    reader: EventReader,
    sources: SourceFolders,
    wanted: Callable[[Stored], bool],
    *,
    time: int,
    first: int,
    last: int,
    needles: tuple[bytes, ...] = (),
    most: int = EVENTS_KEPT,
    total: int = 0,
) -> RunTrace:
    """Return what the events say that are nearest to a time.

    Args:
        reader: Of the store.
        sources: Source files.
        wanted: Whether an event is.
        time: The time.
        first: No event that is wanted is older.
        last: No event that is wanted is newer.
        needles: A line without any of these is not looked at.
        most: How many events, about.
        total: How many there are, if that is known.
    """
    found: list[tuple[int, float, list[Stored]]] = []
    count = 0
    for segment, received, lines in reader.segments_near(time, first, last):
        events = []
        for line in lines:
            if needles and not any(needle in line for needle in needles):
                continue
            try:
                event = stored(line)
            except Refused:  # written by another version
                continue
            if wanted(event):
                events.append(event)
        if events:
            found.append((segment, received, events))
            count += len(events)
        if count >= most:
            break
    feed = _Feed(sources)
    for _, received, events in sorted(found, key=lambda one: one[0]):
        feed.feed(events, received)
    return feed.trace(total - count)


__all__ = ["TracingEventReplay", "trace_near", "trace_of_events"]
