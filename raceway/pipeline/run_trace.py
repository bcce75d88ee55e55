"""Takes note of what is replayed, for a trace of the run.

The log has an order and, but for what concerns several processes, no times.  So a trace counts
operations.  The last ones are kept: memory does not grow with the run.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from raceway.engine.analyzer import Analyzer
from raceway.engine.commutes import WORDS
from raceway.engine.definitions import Definitions
from raceway.engine.flags import Locks
from raceway.engine.stamped import (
    FLAG_LOCKS,
    Access,
    ActorReplay,
    Held,
    LockOrder,
    Message,
    Site,
)
from raceway.model import ops
from raceway.model.run_trace import (
    EventKind,
    OrderKind,
    RunTrace,
    TracedActor,
    TracedEvent,
    TracedOrder,
)
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Detector, Replay, analyse
from raceway.redaction import REDACTED

if TYPE_CHECKING:
    from raceway.engine.stamped import Message
    from raceway.redaction import Hides

EVENTS_KEPT = 100_000
"""Events of a trace; the latest."""
_VALUE_SHOWN = 60
_OPS_OF_AN_EVENT = 3


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
    value: str = ""
    time: int = 0
    epoch: int = 0


class _Learned(NamedTuple):
    """That an actor has learned of another one."""

    kind: OrderKind
    before: int
    epoch: int
    after: int
    at: int


class _Actor:
    __slots__ = ("began", "ended", "group", "kind", "name")

    def __init__(self, name: str, kind: str, group: int, began: int) -> None:
        self.name = name
        self.kind = kind
        self.group = group
        self.began = self.ended = began


class Tee:
    """Shows accesses to a trace, before the detector gets them.

    Args:
        detector: What is fed; None if nobody wants to know.
        trace: Takes note.
    """

    def __init__(self, detector: Detector | None, trace: Tracing) -> None:
        self._detector = detector
        self._trace = trace
        self._analyse = detector.access if detector is not None else None
        if type(detector) is Analyzer:
            self._analyse = partial(analyse, detector)

    def access(self, access: Access) -> None:
        """Pass an access on."""
        self._trace.note_access(access)
        if self._analyse is not None:
            self._analyse(access)

    def attach(self, locks: Locks) -> None:
        """Pass on who keeps track of what orders the actors."""
        if self._detector is not None:
            self._detector.attach(locks)

    def lock_order(self, edge: LockOrder) -> None:
        """Pass on that one lock was taken inside another one."""
        if self._detector is not None:
            self._detector.lock_order(edge)

    def finalized(self, variable: int) -> None:
        """Pass on that an object is gone."""
        if self._detector is not None:
            self._detector.finalized(variable)

    def left(self, held: Held) -> None:
        """Pass on that a critical section has ended."""
        if self._detector is not None:
            self._detector.left(held)

    def heard(self, held: Held) -> Iterable[Message]:
        """Ask after which ends of others a critical section is meant to come."""
        return self._detector.heard(held) if self._detector is not None else ()

    def signalled(self, lock: int) -> None:
        """Pass on that a condition was used."""
        if self._detector is not None:
            self._detector.signalled(lock)

    def retire(self, actor: ActorReplay) -> None:
        """Pass on that an actor is over for all."""
        if self._detector is not None:
            self._detector.retire(actor)


class Tracing(Replay):
    """A replay that keeps what can be shown of a run; to be mixed into one.

    Whoever mixes it in calls :meth:`start_tracing` before anything is replayed.

    Attributes:
        time: When the event happened that is replayed, in nanoseconds since the epoch, or 0.
        notes: Whether note is taken of accesses and locks.
    """

    notes = True

    def start_tracing(self, kept: int) -> None:
        """Begin.

        Args:
            kept: How many events are kept.
        """
        self.time = 0
        self._kept = kept
        self._events: deque[_Event] = deque(maxlen=kept)
        self._noted = 0
        self._known: dict[int, _Actor] = {}
        self._holds: dict[tuple[int, int], tuple[int, Site, int, int]] = {}
        self._requests: dict[str, tuple[int, int, EventKind, str]] = {}
        self._learned: deque[_Learned] = deque(maxlen=kept)
        self._learns: OrderKind = "order"

    # ------------------------------------------------------------ what happens

    def note_access(self, access: Access) -> None:
        """Take note of an access that is about to be judged."""
        self._note(
            access.actor, "access", self.definitions.variable_name(access.variable),
            detail=WORDS[access.kind], site=access.site,
            locks=tuple(held.lock for held in access.held if held.lock < FLAG_LOCKS),
            value=repr(access.value)[:_VALUE_SHOWN] if access.has_value else "",
        )  # fmt: skip

    def _actor(self, number: int) -> ActorReplay:
        actor = super()._actor(number)
        self._seen(actor)
        return actor

    def _take(self, actor: ActorReplay, number: int, site: Site, *, waits: bool) -> None:
        if self.notes and number not in actor.held and number < FLAG_LOCKS:
            self._holds[actor.number, number] = (self.index, site, self.time, actor.epoch)
        super()._take(actor, number, site, waits=waits)

    def _drop(self, actor: ActorReplay, number: int, lock: Any) -> None:
        super()._drop(actor, number, lock)
        held = self._holds.pop((actor.number, number), None)
        if held is not None:
            began, site, time, epoch = held
            name = self.definitions.lock(number).name
            self._note(
                actor, "hold", name, at=began, other=number, site=site, epoch=epoch, time=time
            )

    def _meet(self, actor: ActorReplay, message: Message) -> None:
        if message.actor is not None:
            self.note_order(actor, message.actor, message.epoch)
        super()._meet(actor, message)

    def note_order(self, actor: ActorReplay, other: int, epoch: int) -> None:
        """Take note that an actor learns what another one did until an epoch."""
        if other in self._known and actor.base.get(other, -1) < epoch:
            self._learned.append(_Learned(self._learns, other, epoch, actor.number, self.index))

    def _fork(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        self._learns = "start"
        super()._fork(actor, number, code, offset)
        self._learns = "order"
        child = self.actors[number]
        self._note(actor, "start", child.name, other=number, site=child.fork_site)

    def _join(self, actor: ActorReplay, number: int, thing: Any, argument: Any) -> None:
        self._learns = "join"
        super()._join(actor, number, thing, argument)
        self._learns = "order"
        if number in self._known:
            self._note(actor, "join", self._known[number].name, other=number)

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
        value: str = "",
        epoch: int = 0,
        time: int | None = None,
    ) -> None:
        self._noted += 1
        if not self.notes:
            return
        began = self.index if at is None else at
        who = number or actor.number
        self._events.append(
            _Event(
                kind, began, self.index, who, name, detail, other, site, locks, value,
                self.time if time is None else time, epoch or actor.epoch,
            )
        )  # fmt: skip
        self._seen(actor)

    def _seen(self, actor: ActorReplay) -> None:
        known = self._known.get(actor.number)
        if known is None:
            known = self._known[actor.number] = _Actor(
                actor.name, actor.kind, actor.group, self.index
            )
            if len(self._known) > self._kept:
                del self._known[next(iter(self._known))]
        known.ended = self.index

    # ------------------------------------------------------------ the trace

    def process_of(self, number: int) -> int:
        """Return the id of the process of an actor."""
        return self.definitions.pid_of(number)

    def trace(self, hides: Hides = None) -> RunTrace:
        """Return what was kept, with names and places.

        Args:
            hides: Whether the value of a variable of this name is a secret.
        """
        held = [
            _Event(
                "hold", at, self.index, who, self.definitions.lock(lock).name, other=lock,
                site=site, time=time, epoch=epoch,
            )
            for (who, lock), (at, site, time, epoch) in self._holds.items()
        ]  # fmt: skip
        kept = sorted((*self._events, *held), key=lambda event: event.at)
        events = [self._resolved(event, hides) for event in kept]
        omitted = self._noted - len(self._events)
        first = 0
        if omitted:
            first = self._events[0].until if self._events else self.index
        involved = {event.actor for event in events} | {
            event.other for event in events if event.kind in ("start", "join")
        }
        actors = tuple(
            TracedActor(
                number, known.name, known.kind, self.process_of(number),
                known.began, known.ended, known.group,
            )
            for number, known in self._known.items()
            if number in involved and known.ended >= first
        )  # fmt: skip
        return RunTrace(actors, tuple(events), omitted, first, tuple(self._orders(kept)))

    def _orders(self, events: list[_Event]) -> list[TracedOrder]:
        """Lead from the last thing that an actor did before to the first that another did after.

        What was learned is in epochs.  An order that follows from two others is left out.
        """
        epochs: dict[int, list[int]] = {}
        begun: dict[int, list[int]] = {}
        for event in events:
            if event.kind == "hold":
                continue  # its place is where it ended
            own = epochs.setdefault(event.actor, [])
            own.append(max(event.epoch, own[-1]) if own else event.epoch)
            begun.setdefault(event.actor, []).append(event.at)
        targets: dict[tuple[int, int], dict[int, tuple[int, OrderKind]]] = {}
        for one in self._learned:
            place = bisect_right(epochs.get(one.before, ()), one.epoch) - 1
            later = begun.get(one.after, ())
            next_one = bisect_left(later, one.at)
            if place < 0 or next_one >= len(later):
                continue
            since, at = begun[one.before][place], later[next_one]
            into = targets.setdefault((one.after, at), {})
            if since <= at and since >= into.get(one.before, (0, ""))[0]:
                into[one.before] = (since, one.kind)
        known: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for (after, at), into in sorted(targets.items()):
            for before, (since, _) in into.items():
                known.setdefault((before, after), []).append((at, since))
        return [
            TracedOrder(kind, before, since, after, at)
            for (after, at), into in targets.items()
            for before, (since, kind) in into.items()
            if kind != "order" or not _follows(before, since, into, known)
        ]

    def _resolved(self, event: _Event, hides: Hides) -> TracedEvent:
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
            REDACTED if event.value and hides and hides(event.name) else event.value, event.time,
        )  # fmt: skip


def _follows(
    before: int,
    since: int,
    into: dict[int, tuple[int, OrderKind]],
    known: dict[tuple[int, int], list[tuple[int, int]]],
) -> bool:
    """Tell whether an order is known by way of another one that leads to the same event."""
    for other, (at, _) in into.items():
        learned = known.get((before, other), ())
        place = bisect_right(learned, (at, 1 << 62)) - 1
        if place >= 0 and learned[place][1] >= since:
            return True
    return False


class TracingReplay(Tracing):
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
        super().__init__(definitions, Tee(detector, self), mailbox)
        self._shown, self._analyzer = self.detector, detector
        self._before = (0, 0)
        self._handlers[ops.HTTP_REQUEST] = self._requested
        self._handlers[ops.HTTP_RESPONSE] = self._responded
        self._handlers[ops.EVENT] = self._told
        # Note is taken where the methods are called that are overridden here.
        self._in_c = isinstance(detector, Analyzer)
        self._locks_in_c = False
        self.start_tracing(kept)

    @property
    def reach(self) -> int:
        """How many ops contain as many events as are kept, mostly."""
        return _OPS_OF_AN_EVENT * self._kept

    def take_note(self, wanted: bool) -> None:
        """Begin to keep what happens, or end it, which is much faster.

        Args:
            wanted: Whether what comes next may be among the latest events in the end.
        """
        analyzer = self._analyzer
        if wanted is self.notes or not isinstance(analyzer, Analyzer):
            return
        self.notes = wanted
        self._locks_in_c = not wanted
        if not wanted:
            self.detector = analyzer
            self._before = analyzer.accesses, self._serial
            self._noted += len(self._holds)
            self._holds.clear()
            self._events.clear()
            return
        self.detector = self._shown
        accesses, serial = self._before
        self._noted += analyzer.accesses - accesses + self._serial - serial
        for actor in self.actors.values():
            for number, held in actor.held.items():
                if held.actor is actor and number < FLAG_LOCKS:
                    # Since when, nobody has written down.
                    self._holds[actor.number, number] = (
                        self.index, held.site, self.time, held.start
                    )  # fmt: skip
                    self._noted -= 1

    def take_flag(self, actor: ActorReplay, number: int, site: Site) -> None:
        """Let a critical section begin that no lock was taken for, and that is not shown."""
        before = self._serial
        super().take_flag(actor, number, site)
        if not self.notes:
            self._noted -= self._serial - before

    def _requested(self, actor: ActorReplay, out: int, _thing: Any, argument: Any) -> None:
        kind: EventKind = "call" if out else "request"
        # Both ends of a call have its span.
        key = f"{kind} {argument[2]}"
        self._requests[key] = (actor.number, self.index, kind, f"{argument[0]} {argument[1]}")
        if len(self._requests) > self._kept:
            del self._requests[next(iter(self._requests))]

    def _responded(self, actor: ActorReplay, out: int, _thing: Any, argument: Any) -> None:
        begun = self._requests.pop(f"{'call' if out else 'request'} {argument[2]}", None)
        if begun is not None:
            number, at, kind, text = begun
            self._note(actor, kind, text, at=at, number=number, detail=str(argument[0]))

    def _told(self, actor: ActorReplay, what: int, thing: Any, argument: Any) -> None:
        super()._told(actor, what, thing, argument)
        if what == ops.EVENT_QUERY:
            self._note(actor, "query", str(argument[0]), detail=str(argument[1]))
