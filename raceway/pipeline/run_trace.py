"""Takes note of what is replayed, for a trace of the run.

The log has an order and, but for what concerns several processes, no times.  So a trace counts
operations.  The last ones are kept: memory does not grow with the run.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from raceway.engine.commutes import WORDS
from raceway.engine.definitions import Definitions
from raceway.engine.flags import Locks
from raceway.engine.stamped import FLAG_LOCKS, Access, ActorReplay, LockOrder, Site
from raceway.model import ops
from raceway.model.run_trace import EventKind, RunTrace, TracedActor, TracedEvent
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Detector, Replay

EVENTS_KEPT = 100_000
"""Events of a trace; the latest."""


class _Event(NamedTuple):
    """An event before numbers have been given names."""

    kind: EventKind
    at: int
    until: int
    actor: int
    name: str
    detail: str = ""
    other: int = 0
    site: Site | None = None
    locks: tuple[int, ...] = ()


class _Actor:
    __slots__ = ("began", "ended", "kind", "name")

    def __init__(self, name: str, kind: str, began: int) -> None:
        self.name = name
        self.kind = kind
        self.began = self.ended = began


class _Tee:
    """Shows accesses to the trace, before the detector gets them."""

    def __init__(self, detector: Detector, replay: TracingReplay) -> None:
        self._detector = detector
        self._replay = replay

    def access(self, access: Access) -> None:
        self._replay.note_access(access)
        self._detector.access(access)

    def attach(self, locks: Locks) -> None:
        self._detector.attach(locks)

    def lock_order(self, edge: LockOrder) -> None:
        self._detector.lock_order(edge)

    def finalized(self, variable: int) -> None:
        self._detector.finalized(variable)

    def signalled(self, lock: int) -> None:
        self._detector.signalled(lock)

    def retire(self, actor: ActorReplay) -> None:
        self._detector.retire(actor)


class TracingReplay(Replay):
    """Replays a run, and keeps what can be shown of it.

    Args:
        definitions: What the numbers stand for.
        detector: What is fed.
        mailbox: Messages between the processes.
        kept: How many events are kept.
    """

    def __init__(
        self,
        definitions: Definitions,
        detector: Detector,
        mailbox: Mailbox,
        *,
        kept: int = EVENTS_KEPT,
    ) -> None:
        super().__init__(definitions, _Tee(detector, self), mailbox)
        self._kept = kept
        self._events: deque[_Event] = deque(maxlen=kept)
        self._noted = 0
        self._known: dict[int, _Actor] = {}
        self._holds: dict[tuple[int, int], tuple[int, Site]] = {}
        self._requests: dict[str, tuple[int, int, EventKind, str]] = {}

    # ------------------------------------------------------------ what happens

    def note_access(self, access: Access) -> None:
        """Take note of an access that is about to be judged."""
        self._note(
            access.actor, "access", self.definitions.variable_name(access.variable),
            detail=WORDS[access.kind], site=access.site,
            locks=tuple(held.lock for held in access.held if held.lock < FLAG_LOCKS),
        )  # fmt: skip

    def _actor(self, number: int) -> ActorReplay:
        actor = super()._actor(number)
        self._seen(actor)
        return actor

    def _take(self, actor: ActorReplay, number: int, site: Site, *, waits: bool) -> None:
        if number not in actor.held:
            self._holds[actor.number, number] = (self.index, site)
        super()._take(actor, number, site, waits=waits)

    def _drop(self, actor: ActorReplay, number: int, lock: Any) -> None:
        super()._drop(actor, number, lock)
        began, site = self._holds.pop((actor.number, number), (self.index, None))
        name = self.definitions.lock(number).name
        self._note(actor, "hold", name, at=began, other=number, site=site)

    def _fork(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        super()._fork(actor, number, code, offset)
        child = self.actors[number]
        self._note(actor, "start", child.name, other=number, site=child.fork_site)

    def _join(self, actor: ActorReplay, number: int, thing: Any, argument: Any) -> None:
        super()._join(actor, number, thing, argument)
        if number in self._known:
            self._note(actor, "join", self._known[number].name, other=number)

    def _handle(self, op: int, actor: ActorReplay, subject: int, thing: Any, argument: Any) -> None:
        if op == ops.HTTP_REQUEST:
            kind: EventKind = "call" if subject else "request"
            # Both ends of a call have its span.
            key = f"{kind} {argument[2]}"
            text = f"{argument[0]} {argument[1]}"
            self._requests[key] = (actor.number, self.index, kind, text)
            if len(self._requests) > self._kept:
                del self._requests[next(iter(self._requests))]
        elif op == ops.HTTP_RESPONSE:
            key = f"{'call' if subject else 'request'} {argument[2]}"
            begun = self._requests.pop(key, None)
            if begun is not None:
                number, at, kind, text = begun
                self._note(actor, kind, text, at=at, number=number, detail=str(argument[0]))
        elif op == ops.EVENT and subject == ops.EVENT_QUERY:
            self._note(actor, "query", str(argument[0]), detail=str(argument[1]))
        else:
            super()._handle(op, actor, subject, thing, argument)

    def _note(
        self,
        actor: ActorReplay,
        kind: EventKind,
        name: str,
        *,
        at: int | None = None,
        number: int = 0,
        detail: str = "",
        other: int = 0,
        site: Site | None = None,
        locks: tuple[int, ...] = (),
    ) -> None:
        self._noted += 1
        began = self.index if at is None else at
        who = number or actor.number
        self._events.append(_Event(kind, began, self.index, who, name, detail, other, site, locks))
        self._seen(actor)

    def _seen(self, actor: ActorReplay) -> None:
        known = self._known.get(actor.number)
        if known is None:
            known = self._known[actor.number] = _Actor(actor.name, actor.kind, self.index)
            if len(self._known) > self._kept:
                del self._known[next(iter(self._known))]
        known.ended = self.index

    # ------------------------------------------------------------ the trace

    def trace(self) -> RunTrace:
        """Return what was kept, with names and places."""
        held = [
            _Event(
                "hold", at, self.index, who, self.definitions.lock(lock).name, other=lock, site=site
            )
            for (who, lock), (at, site) in self._holds.items()
        ]
        events = [self._resolved(event) for event in (*self._events, *held)]
        events.sort(key=lambda event: event.at)
        omitted = self._noted - len(self._events)
        first = self._events[0].until if omitted else 0
        involved = {event.actor for event in events} | {
            event.other for event in events if event.kind in ("start", "join")
        }
        actors = tuple(
            TracedActor(
                number, known.name, known.kind, self.definitions.pid_of(number),
                known.began, known.ended,
            )
            for number, known in self._known.items()
            if number in involved and known.ended >= first
        )  # fmt: skip
        return RunTrace(actors, tuple(events), omitted, first)

    def _resolved(self, event: _Event) -> TracedEvent:
        file, line, function = "", 0, ""
        if event.site is not None:
            code, offset = event.site.frames[0]
            known = self.definitions.code(code)
            if known is not None:
                frame = known.frame(offset)
                file, line, function = frame.file, frame.line, frame.function
        return TracedEvent(
            event.kind, event.at, event.until, event.actor, event.name, event.detail, event.other,
            file, line, function, tuple(self.definitions.lock(one).name for one in event.locks),
        )  # fmt: skip
