"""From the op stream to Raceway events: what a server gets of an instrumented program.

Every actor is a trace of its own, but for the HTTP requests that it handles, which are traces of
theirs.  Trace ids, and one more id for each actor, are the components of the causality vectors: a
server overwrites the component of the event's own trace by the index of the event in it, so only
components that no other actor shares can say what is ordered and what is not.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from raceway.context import TraceContext, new_span_id, new_trace_id
from raceway.engine.commutes import WORDS, WRITES
from raceway.engine.definitions import Definitions
from raceway.engine.stamped import Access, ActorReplay, LockOrder, Site
from raceway.model import ops
from raceway.pipeline import events
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Replay

Put = Callable[[dict[str, Any]], None]


TRACES_KNOWN = 3
"""Latest traces of an actor that later events of others refer to."""


REQUESTS_KEPT = 10_000
"""Traces of HTTP requests whose root is remembered."""


class _Trace:
    """A trace of one actor."""

    __slots__ = ("context", "root", "sent")

    def __init__(self, context: TraceContext) -> None:
        self.context = context
        self.root: str | None = None
        self.sent = 0


class _History:
    """One actor: the traces of its events, and how many it had sent at which epoch.

    An actor has a trace of its own; while it handles an HTTP request it is in that request's.
    """

    __slots__ = ("component", "current", "epochs", "marks", "own", "sent")

    def __init__(self) -> None:
        self.component = new_trace_id()
        self.own = self.current = _Trace(TraceContext(new_trace_id(), new_span_id()))
        self.sent = 0
        self.epochs: list[int] = []
        self.marks: list[tuple[str, int, int]] = []

    def tick(self, epoch: int) -> dict[str, int]:
        """Count an event at ``epoch``; return the actor's own part of its causality vector."""
        vector = self.known_at(epoch)
        trace = self.current
        self.sent += 1
        trace.sent += 1
        mark = (trace.context.trace_id, trace.sent, self.sent)
        if self.epochs and self.epochs[-1] == epoch and self.marks[-1][0] == mark[0]:
            self.marks[-1] = mark
        else:
            self.epochs.append(epoch)
            self.marks.append(mark)
        return {**vector, trace.context.trace_id: trace.sent, self.component: self.sent}

    def known_at(self, epoch: int) -> dict[str, int]:
        """Return what somebody knows of this actor who knows it up to ``epoch``."""
        at = bisect_right(self.epochs, epoch)
        if not at:
            return {}
        found = {self.component: self.marks[at - 1][2]}
        while at and len(found) <= TRACES_KNOWN:
            at -= 1
            trace_id, count, _ = self.marks[at]
            # One more than it had: the server wants one component to be strictly greater.
            found.setdefault(trace_id, count + 1)
        return found


class EventReplay(Replay):
    """Replays a process and makes an event of each op that a server knows.

    Args:
        definitions: What the numbers stand for.
        put: Takes each event as a dictionary.
        service: Service name.
        environment: Deployment environment.
        instance: Instance id of the process.
    """

    retires = False
    """A server does not know who has ended: to it, what is not in a vector is unordered."""

    def __init__(
        self, definitions: Definitions, put: Put, *, service: str, environment: str, instance: str
    ) -> None:
        super().__init__(1, definitions, self, Mailbox())
        self._put = put
        self._service = service
        self._environment = environment
        self._instance = instance
        self._histories: dict[int, _History] = {}
        self._requests: dict[str, _Trace] = {}

    # ------------------------------------------------------------ what replay tells a detector

    def access(self, access: Access) -> None:
        """Send a StateChange."""
        name = self.definitions.variable_name(access.variable)
        value = access.value if access.has_value else access.type_name or None
        kind = events.state_change(
            name,
            None,
            value,
            self._location(access.site),
            "Write" if access.kind in WRITES else "Read",
        )
        self._emit(access.actor, kind, {"operation": WORDS[access.kind]})

    def lock_order(self, edge: LockOrder) -> None:
        """Take no notice: the server has no place for it."""

    def retire(self, actor: ActorReplay) -> None:
        """Do nothing: nobody retires here."""

    # ------------------------------------------------------------ what replay does itself

    def finalized(self, variable: int) -> None:
        """Take note of the end of an object, which is no event."""

    def _take(self, actor: ActorReplay, number: int, site: Site, *, waits: bool) -> None:
        first = number not in actor.held
        super()._take(actor, number, site, waits=waits)
        if first:
            lock = self.definitions.lock(number)
            self._emit(
                actor,
                events.lock_acquire(self._lock_id(number), lock.kind, self._location(site)),
                {"lock_name": lock.name},
            )

    def _drop(self, actor: ActorReplay, number: int, lock: Any) -> None:
        site = actor.held[number].site
        super()._drop(actor, number, lock)
        known = self.definitions.lock(number)
        kind = events.lock_release(self._lock_id(number), known.kind, self._location(site))
        self._emit(actor, kind, {"lock_name": known.name})

    def _fork(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        super()._fork(actor, number, code, offset)
        child = self.actors[number]
        kind = events.async_spawn(
            self._actor_id(child), self._location(child.fork_site), self._instance
        )
        self._emit(actor, kind, {"task_name": child.name})

    def _join(self, actor: ActorReplay, number: int, thing: Any, argument: Any) -> None:
        super()._join(actor, number, thing, argument)
        child = self.actors.get(number)
        if child is not None:
            kind = events.async_await(
                self._actor_id(child), self._location(child.fork_site), self._instance
            )
            self._emit(actor, kind, {"task_name": child.name})

    def _http_request(
        self, actor: ActorReplay, outgoing: int, _thing: Any, argument: tuple[Any, ...]
    ) -> None:
        if not outgoing:
            span, trace_id, upstream = argument[2:5]
            context = TraceContext(trace_id, span, upstream or None)
            # The root of a trace is shared by all its requests that this process handles.
            earlier = self._requests.pop(trace_id, None)
            trace = _Trace(context)
            if earlier is not None:
                trace.root, trace.sent = earlier.root, earlier.sent
            self._requests[trace_id] = trace
            if len(self._requests) > REQUESTS_KEPT:
                del self._requests[next(iter(self._requests))]
            self._history(actor.number).current = trace
        kind = events.http_request(argument[0], argument[1], {}, None)
        self._emit(actor, kind, {"http.direction": "out" if outgoing else "in"})

    def _http_response(
        self, actor: ActorReplay, outgoing: int, _thing: Any, argument: tuple[Any, ...]
    ) -> None:
        kind = events.http_response(argument[0], {}, None, argument[1] or 0)
        self._emit(actor, kind, {"http.direction": "out" if outgoing else "in"})
        if not outgoing:
            history = self._history(actor.number)
            history.current = history.own

    def _handle(self, op: int, actor: ActorReplay, subject: int, thing: Any, argument: Any) -> None:
        if op == ops.HTTP_REQUEST:
            self._http_request(actor, subject, thing, argument)
        elif op == ops.HTTP_RESPONSE:
            self._http_response(actor, subject, thing, argument)
        else:
            super()._handle(op, actor, subject, thing, argument)

    # ------------------------------------------------------------ events

    def _history(self, number: int) -> _History:
        history = self._histories.get(number)
        if history is None:
            history = self._histories[number] = _History()
        return history

    def _emit(self, actor: ActorReplay, kind: events.Kind, tags: dict[str, str]) -> None:
        history = self._history(actor.number)
        trace = history.current
        event_id = events.event_id(events.numbers.next())
        vector: dict[str, int] = {}
        for number, epoch in actor.hard.items():
            if isinstance(number, int) and number != actor.number:
                vector.update(self._history(number).known_at(epoch))
        vector.update(history.tick(actor.epoch))
        event = {
            "id": event_id,
            "trace_id": trace.context.trace_id,
            # Under the root: a chain of thousands overflows the stack of a server that walks it.
            "parent_id": trace.root,
            "timestamp": events.timestamp(time.time_ns()),
            "kind": kind,
            "metadata": {
                "thread_id": self._actor_id(actor),
                "process_id": self.definitions.pid & events.U32_MAX,
                "service_name": self._service,
                "environment": self._environment,
                "tags": {
                    "sdk_language": "python",
                    **tags,
                    "actor": actor.name,
                    "actor_kind": actor.kind,
                    "instance": self._instance,
                },
                "duration_ns": None,
                "instance_id": None,  # else the server orders by its name
                "distributed_span_id": trace.context.span_id,
                "upstream_span_id": trace.context.upstream_span_id,
            },
            "causality_vector": list(vector.items()),
            "lock_set": [self._lock_id(number) for number in sorted(actor.held)],
        }
        trace.root = trace.root or event_id
        self._put(event)

    def _actor_id(self, actor: ActorReplay) -> str:
        return f"{self._instance}:{self.definitions.pid}:{actor.number}"

    def _lock_id(self, number: int) -> str:
        return f"{self._instance}:{self.definitions.pid}:lock-{number}"

    def _location(self, site: Site | None) -> str:
        if site is None:
            return "unknown:0"
        code, offset = site.frames[0]
        known = self.definitions.code(code)
        return known.frame(offset).location if known else "unknown:0"
