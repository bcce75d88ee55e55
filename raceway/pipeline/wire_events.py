"""From the op stream to Raceway events: what a server gets of an instrumented program.

Who is ordered after whom is in the causality vectors (``lanes``). The component of an event's own
trace is overwritten by the server, with the index of the event in it, and those of its parent are
added. So the first event of an actor with a new clock says all that the actor knows, and those that
follow hang under it and have only components of their own: an access costs the same however many
threads there are. In the *full* dialect every event says all.

What a server of ours needs to judge as the embedded engine would stands in the tags, which any
other server keeps and does not read: see :mod:`raceway.pipeline.wire_tags`.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Any

from raceway.context import TraceContext
from raceway.engine.commutes import WORDS, WRITES
from raceway.engine.definitions import Definitions
from raceway.engine.stamped import Access, ActorReplay, LockOrder, Site
from raceway.model import ops
from raceway.model.aging import Aging
from raceway.pipeline import events, wire_tags
from raceway.pipeline.lanes import Lanes, Trace, Vector, merge
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Replay

Put = Callable[[dict[str, Any]], bool]


ACTORS_KNOWN = 256
"""Others of whom an event says what its actor knows; the latest."""
FRAMES_KEPT = 4096
"""Places of a generation whose call stack is kept as text."""
REQUESTS_KEPT = 10_000
"""Traces of HTTP requests whose root is remembered."""


class EventReplay(Replay):
    """Replays a process and makes an event of each op that a server knows.

    Args:
        definitions: What the numbers stand for.
        put: Takes each event as a dictionary; returns whether it will be sent.
        service: Service name.
        environment: Deployment environment.
        instance: Instance id of the process.
        full: Whether each event says all that its actor knows.
    """

    def __init__(
        self,
        definitions: Definitions,
        put: Put,
        *,
        service: str,
        environment: str,
        instance: str,
        full: bool = False,
    ) -> None:
        super().__init__(definitions, self, Mailbox())
        self._put = put
        self._service = service
        self._environment = environment
        self._instance = instance
        self._full = full
        self._lanes = Lanes()
        self._requests: dict[str, Trace] = {}
        self._order = wire_tags.OrderTags()
        self._frames: Aging[int, str] = Aging(FRAMES_KEPT)

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
        tags = {
            "operation": WORDS[access.kind],
            wire_tags.VARIABLE: wire_tags.variable(self.definitions, access.variable),
        }
        if not access.has_value and access.type_name:
            tags[wire_tags.VALUE] = "same" if access.restores else "type"
        self._emit(access.actor, kind, tags, access.site)

    def lock_order(self, edge: LockOrder) -> None:
        """Take no notice: the server has no place for it."""

    def retire(self, actor: ActorReplay) -> None:
        """Let others go on in its lane, unless the server takes it to hold a lock."""
        self._lanes.retire(actor.number, reusable=actor.ended and not actor.held)
        self._order.retire(actor.number)

    # ------------------------------------------------------------ what replay does itself

    def finalized(self, variable: int) -> None:
        """Take note of the end of an object, which is no event."""

    def _take(self, actor: ActorReplay, number: int, site: Site, *, waits: bool) -> None:
        first = number not in actor.held
        super()._take(actor, number, site, waits=waits)
        if first:
            lock = self.definitions.lock(number)
            tags = {"lock_name": lock.name, "lock_location": lock.location}
            if not waits:
                tags[wire_tags.TRY] = "1"
            kind = events.lock_acquire(self._lock_id(number), lock.kind, self._location(site))
            self._emit(actor, kind, tags, site)

    def _drop(self, actor: ActorReplay, number: int, lock: Any) -> None:
        site = actor.held[number].site
        super()._drop(actor, number, lock)
        known = self.definitions.lock(number)
        kind = events.lock_release(self._lock_id(number), known.kind, self._location(site))
        self._emit(actor, kind, {"lock_name": known.name})

    def _fork(self, actor: ActorReplay, number: int, code: int, offset: int) -> None:
        super()._fork(actor, number, code, offset)
        child = self.actors[number]
        self._lanes.fork(number, child.hard)
        kind = events.async_spawn(
            self._actor_id(child), self._location(child.fork_site), self._instance
        )
        tags = {"task_name": child.name, wire_tags.TASK: wire_tags.task(child)}
        if self._emit(actor, kind, tags, child.fork_site):
            self._order.told(child)

    def _join(self, actor: ActorReplay, number: int, thing: Any, argument: Any) -> None:
        super()._join(actor, number, thing, argument)
        child = self.actors.get(number)
        if child is not None:
            kind = events.async_await(
                self._actor_id(child), self._location(child.fork_site), self._instance
            )
            self._emit(actor, kind, {"task_name": child.name})
            if child is not actor and not child.held:
                self._lanes.ended(number)

    def _ended(self, actor: ActorReplay, number: int, thing: Any, argument: Any) -> None:
        if number == actor.number and not actor.held:
            self._lanes.ended(number)
        super()._ended(actor, number, thing, argument)

    def _http_request(
        self, actor: ActorReplay, outgoing: int, _thing: Any, argument: tuple[Any, ...]
    ) -> None:
        if not outgoing:
            span, trace_id, upstream = argument[2:5]
            context = TraceContext(trace_id, span, upstream or None)
            # The root of a trace is shared by all its requests that this process handles.
            earlier = self._requests.pop(trace_id, None)
            trace = Trace(context)
            if earlier is not None:
                trace.root, trace.sent = earlier.root, earlier.sent
            self._requests[trace_id] = trace
            if len(self._requests) > REQUESTS_KEPT:
                del self._requests[next(iter(self._requests))]
            self._lanes.of(actor.number).enter(trace)
        kind = events.http_request(argument[0], argument[1], {}, None)
        tags = {"http.direction": "out" if outgoing else "in", wire_tags.SPAN: argument[2]}
        self._emit(actor, kind, tags)

    def _http_response(
        self, actor: ActorReplay, outgoing: int, _thing: Any, argument: tuple[Any, ...]
    ) -> None:
        kind = events.http_response(argument[0], {}, None, argument[1] or 0)
        tags = {"http.direction": "out" if outgoing else "in", wire_tags.SPAN: argument[2]}
        self._emit(actor, kind, tags)
        if not outgoing:
            history = self._lanes.of(actor.number)
            history.enter(history.lane.trace)

    def _handle(self, op: int, actor: ActorReplay, subject: int, thing: Any, argument: Any) -> None:
        if op == ops.HTTP_REQUEST:
            self._http_request(actor, subject, thing, argument)
        elif op == ops.HTTP_RESPONSE:
            self._http_response(actor, subject, thing, argument)
        else:
            super()._handle(op, actor, subject, thing, argument)

    # ------------------------------------------------------------ events

    def _emit(
        self,
        actor: ActorReplay,
        kind: events.Kind,
        tags: dict[str, str],
        site: Site | None = None,
    ) -> bool:
        """Send an event; tell whether it will be sent."""
        if site is not None:
            tags[wire_tags.FRAMES] = self._stack(site)
        history = self._lanes.of(actor.number)
        trace = history.current
        event_id = events.event_id(events.numbers.next())
        # An event that has one parent in its trace, and says nothing new of others.
        repeats = history.clock is actor.hard and history.anchor is not None
        vector = {} if repeats and not self._full else self._knowledge(actor)
        vector.update(history.tick(actor.epoch))
        history.stamp = self.index
        event = {
            "id": event_id,
            "trace_id": trace.context.trace_id,
            # Not under the event before: a chain of thousands overflows the stack of a server.
            "parent_id": history.anchor if repeats else trace.root,
            "timestamp": events.timestamp(time.time_ns()),
            "kind": kind,
            "metadata": {
                "thread_id": self._thread_id(history.lane.number),
                "process_id": self.definitions.pid & events.U32_MAX,
                "service_name": self._service,
                "environment": self._environment,
                "tags": {
                    "sdk_language": "python",
                    **tags,
                    "actor": actor.name,
                    "actor_kind": actor.kind,
                    **self._order.tags(actor),
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
        if not self._put(event):
            return False
        self._order.told(actor)
        trace.root = trace.root or event_id
        if not repeats:
            history.clock, history.anchor = actor.hard, event_id
        return True

    def _stack(self, site: Site) -> str:
        text = self._frames.get(site.number)
        if text is None:
            text = self._frames[site.number] = wire_tags.frames(self.definitions, site)
        return text

    def _knowledge(self, actor: ActorReplay) -> Vector:
        """Return what the actor knows of others."""
        histories = self._lanes.histories
        known = [
            (histories[number], epoch)
            for number, epoch in actor.hard.items()
            if number in histories and number != actor.number
        ]
        if len(known) > ACTORS_KNOWN:
            known = heapq.nlargest(ACTORS_KNOWN, known, key=lambda entry: entry[0].stamp)
        vector = dict(self._lanes.over)
        for history, epoch in known:
            merge(vector, history.known_at(epoch))
        return vector

    def _thread_id(self, lane: int) -> str:
        return f"{self._instance}:{self.definitions.pid}:{lane}"

    def _actor_id(self, actor: ActorReplay) -> str:
        return f"{self._instance}:{self.definitions.pid}:actor-{actor.number}"

    def _lock_id(self, number: int) -> str:
        return f"{self._instance}:{self.definitions.pid}:lock-{number}"

    def _location(self, site: Site | None) -> str:
        if site is None:
            return "unknown:0"
        code, offset = site.frames[0]
        known = self.definitions.code(code)
        return known.frame(offset).location if known else "unknown:0"
