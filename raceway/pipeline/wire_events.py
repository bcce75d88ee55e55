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
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from raceway.context import TraceContext
from raceway.engine.commutes import WORDS, WRITES
from raceway.engine.definitions import Definitions
from raceway.engine.flags import Locks
from raceway.engine.stamped import Access, ActorReplay, Held, LockOrder, Message, Site
from raceway.model import ops
from raceway.model.aging import Aging
from raceway.pipeline import events, wire_tags
from raceway.pipeline.lanes import Lanes, Trace, Vector, merge
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Replay
from raceway.redaction import Hides

Put = Callable[[dict[str, Any]], bool]


ACTORS_KNOWN = 256
"""Others of whom an event says what its actor knows; the latest."""
FUNCTIONS_KEPT = 1000
"""Functions in which an actor was seen."""
FRAMES_KEPT = 4096
"""Places of a generation whose call stack is kept as text."""
REQUESTS_KEPT = 10_000
"""Traces of HTTP requests and tasks whose root is remembered."""


class EventReplay(Replay):
    """Replays a process and makes an event of each op that a server knows.

    Args:
        definitions: What the numbers stand for.
        put: Takes each event as a dictionary; returns whether it will be sent.
        service: Service name.
        environment: Deployment environment.
        instance: Instance id of the process.
        full: Whether each event says all that its actor knows, and what of it is due to locks
            only.
        hides: Whether what has this name is a secret.
        ids: Gives new events and traces their ids.
        clock: Tells the time of an event, in nanoseconds since the epoch.
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
        hides: Hides = None,
        ids: events.Ids = events.NEW_IDS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._hides = hides
        self._ids = ids
        self._clock = clock
        super().__init__(definitions, self, Mailbox())
        self._put = put
        self._service = service
        self._environment = environment
        self._instance = instance
        self._full = full
        self._lanes = Lanes(ids)
        self._requests: dict[str, Trace] = {}
        self._functions: dict[int, set[int]] = {}
        self._tags = wire_tags.OrderTags()
        self._waited: dict[int, int] = {}  # nanoseconds, by actor: for the lock it takes next
        self._frames: Aging[int, str] = Aging(FRAMES_KEPT)

    # ------------------------------------------------------------ what replay tells a detector

    def access(self, access: Access) -> None:
        """Send a StateChange."""
        name = self.definitions.variable_name(access.variable)
        self._calls(access.actor, access.site.frames[0][0])
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

    def _calls(self, actor: ActorReplay, number: int) -> None:
        """Send a FunctionCall when an actor is seen in a function for the first time."""
        seen = self._functions.get(actor.number)
        if seen is None:
            seen = self._functions[actor.number] = set()
        code = None if number in seen else self.definitions.code(number)
        if code is None:
            return
        if len(seen) >= FUNCTIONS_KEPT:
            seen.clear()
        seen.add(number)
        module = os.path.splitext(os.path.basename(code.file))[0]
        kind = events.function_call(code.function, module, None, code.file, code.first_line)
        self._emit(actor, kind, {"seen": "first time"})

    def attach(self, locks: Locks) -> None:
        """Ask for nothing: what is told is what happened."""

    def lock_order(self, edge: LockOrder) -> None:
        """Take no notice: the server has no place for it."""

    def left(self, held: Held) -> None:
        """Take no notice: the release is an event anyhow."""

    def heard(self, held: Held) -> Iterable[Message]:  # noqa: ARG002 - the detector's signature
        """Ask for nothing: what is told is what happened."""
        return ()

    def signalled(self, lock: int) -> None:
        """Take no notice: the release is an event anyhow."""

    def retire(self, actor: ActorReplay) -> None:
        """Let others go on in its lane, unless the server takes it to hold a lock."""
        self._functions.pop(actor.number, None)
        self._waited.pop(actor.number, None)
        self._lanes.retire(actor.number, reusable=actor.ended and not actor.held)
        self._tags.retire(actor.number)

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
            self._emit(actor, kind, tags, site, self._waited.pop(actor.number, None))

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
            self._tags.told(child)

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
            self._enter_trace(actor, *argument[2:5])
        kind = events.http_request(argument[0], argument[1], {}, None, self._hides)
        tags = {"http.direction": "out" if outgoing else "in", wire_tags.SPAN: argument[2]}
        self._emit(actor, kind, tags)

    def _http_response(
        self, actor: ActorReplay, outgoing: int, _thing: Any, argument: tuple[Any, ...]
    ) -> None:
        kind = events.http_response(argument[0], {}, None, argument[1] or 0)
        tags = {"http.direction": "out" if outgoing else "in", wire_tags.SPAN: argument[2]}
        self._emit(actor, kind, tags)
        if not outgoing:
            self._leave_trace(actor)

    def _event(
        self, actor: ActorReplay, subject: int, _thing: Any, argument: tuple[Any, ...]
    ) -> None:
        if subject == ops.EVENT_QUERY:
            self._emit(actor, events.database_query(*argument), {})
        elif subject == ops.EVENT_ROWS:
            self._emit(actor, events.database_result(*argument), {})
        elif subject in (ops.EVENT_SUBMITTED, ops.EVENT_AWAITED):
            task, name, place = argument
            make = events.async_spawn if subject == ops.EVENT_SUBMITTED else events.async_await
            self._emit(actor, make(task, place, self._instance), {"task_name": name})
        elif subject == ops.EVENT_CALLED:
            name, module, file, line, *ids = argument
            self._enter_trace(actor, *ids)
            self._emit(actor, events.function_call(name, module, {}, file, line), {})
        elif subject == ops.EVENT_RETURNED:
            self._leave_trace(actor)
        elif subject == ops.EVENT_FAILED:
            error, message, place = argument
            self._emit(actor, events.error(error, message, [place]), {})
        elif subject == ops.EVENT_WAITED:
            self._waited[actor.number] = argument[1]

    def _enter_trace(self, actor: ActorReplay, span: str, trace_id: str, upstream: str) -> None:
        """Let an actor go on in the trace of a request or task."""
        trace = Trace(TraceContext(trace_id, span, upstream or None))
        # The root of a trace is shared by all its requests that this process handles.
        earlier = self._requests.pop(trace_id, None)
        if earlier is not None:
            trace.root, trace.sent = earlier.root, earlier.sent
        self._requests[trace_id] = trace
        if len(self._requests) > REQUESTS_KEPT:
            del self._requests[next(iter(self._requests))]
        self._lanes.of(actor.number).enter(trace)

    def _leave_trace(self, actor: ActorReplay) -> None:
        history = self._lanes.of(actor.number)
        history.enter(history.lane.trace)

    def _handle(self, op: int, actor: ActorReplay, subject: int, thing: Any, argument: Any) -> None:
        if op == ops.HTTP_REQUEST:
            self._http_request(actor, subject, thing, argument)
        elif op == ops.HTTP_RESPONSE:
            self._http_response(actor, subject, thing, argument)
        elif op == ops.EVENT:
            self._event(actor, subject, thing, argument)
        else:
            super()._handle(op, actor, subject, thing, argument)

    # ------------------------------------------------------------ events

    def _emit(
        self,
        actor: ActorReplay,
        kind: events.Kind,
        tags: dict[str, str],
        site: Site | None = None,
        duration: int | None = None,
    ) -> bool:
        """Send an event, with how long it took in nanoseconds; tell whether it will be sent."""
        if site is not None:
            tags[wire_tags.FRAMES] = self._stack(site)
        history = self._lanes.of(actor.number)
        trace = history.current
        event_id = self._ids.event()
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
            "timestamp": events.timestamp(self._clock()),
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
                    **self._tags.tags(actor),
                    "instance": self._instance,
                },
                "duration_ns": duration,
                "instance_id": None,  # else the server orders by its name
                "distributed_span_id": trace.context.span_id,
                "upstream_span_id": trace.context.upstream_span_id,
            },
            "causality_vector": list(vector.items()),
            "lock_set": [self._lock_id(number) for number in sorted(actor.held)],
        }
        if self._full:
            event["order"] = wire_tags.order(actor, self.actors, self._actor_id)
        if not self._put(event):
            return False
        self._tags.told(actor)
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
