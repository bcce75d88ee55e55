"""From the op stream to Raceway events: what a server gets of an instrumented program.

Every actor is a trace of its own, and its trace id is its component in the causality vectors: a
server overwrites the component of the event's own trace by the index of the event in it, so only
components that no other actor shares can say what is ordered and what is not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from raceway.context import TraceContext, new_span_id, new_trace_id
from raceway.engine.commutes import WORDS, WRITES
from raceway.engine.definitions import Definitions
from raceway.engine.stamped import Access, ActorReplay, LockOrder, Site
from raceway.model import ops
from raceway.pipeline import events
from raceway.pipeline.replay import Mailbox, Replay

Put = Callable[[dict[str, Any]], None]


class _Trace:
    """The trace of one actor, and how many events it had at each epoch."""

    __slots__ = ("context", "counts", "epochs", "root", "sent")

    def __init__(self) -> None:
        self.context = TraceContext(new_trace_id(), new_span_id())
        self.root: str | None = None
        self.sent = 0
        self.epochs: list[int] = []
        self.counts: list[int] = []

    def tick(self, epoch: int) -> int:
        """Count an event at ``epoch``."""
        self.sent += 1
        if self.epochs and self.epochs[-1] == epoch:
            self.counts[-1] = self.sent
        else:
            self.epochs.append(epoch)
            self.counts.append(self.sent)
        return self.sent

    def count_at(self, epoch: int) -> int:
        """Return how many events the actor had sent when it was at ``epoch``."""
        at = bisect_right(self.epochs, epoch)
        return self.counts[at - 1] if at else 0


class EventReplay(Replay):
    """Replays a process and makes an event of each op that a server knows.

    Args:
        definitions: What the numbers stand for.
        put: Takes each event as a dictionary.
        service: Service name.
        environment: Deployment environment.
        instance: Instance id of the process.
    """

    def __init__(
        self, definitions: Definitions, put: Put, *, service: str, environment: str, instance: str
    ) -> None:
        super().__init__(1, definitions, self, Mailbox())
        self._put = put
        self._service = service
        self._environment = environment
        self._instance = instance
        self._traces: dict[int, _Trace] = {}

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

    # ------------------------------------------------------------ what replay does itself

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
        kind = events.http_request(argument[0], argument[1], {}, None)
        self._emit(actor, kind, {"http.direction": "out" if outgoing else "in"})

    def _http_response(
        self, actor: ActorReplay, outgoing: int, _thing: Any, argument: tuple[Any, ...]
    ) -> None:
        kind = events.http_response(argument[0], {}, None, argument[1] or 0)
        self._emit(actor, kind, {"http.direction": "out" if outgoing else "in"})

    def _handle(self, op: int, actor: ActorReplay, subject: int, thing: Any, argument: Any) -> None:
        if op == ops.HTTP_REQUEST:
            self._http_request(actor, subject, thing, argument)
        elif op == ops.HTTP_RESPONSE:
            self._http_response(actor, subject, thing, argument)
        else:
            super()._handle(op, actor, subject, thing, argument)

    # ------------------------------------------------------------ events

    def _trace(self, number: int) -> _Trace:
        trace = self._traces.get(number)
        if trace is None:
            trace = self._traces[number] = _Trace()
        return trace

    def _emit(self, actor: ActorReplay, kind: events.Kind, tags: dict[str, str]) -> None:
        trace = self._trace(actor.number)
        event_id = events.new_event_id()
        event = events.envelope(
            kind,
            event_id=event_id,
            # Under the root: a chain of thousands overflows the stack of a server that walks it.
            parent_id=trace.root,
            trace=trace.context,
            clock=(),
            held=[self._lock_id(number) for number in sorted(actor.held)],
            thread_id=self._actor_id(actor),
            service=self._service,
            environment=self._environment,
            instance=self._instance,
            tags={**tags, "actor": actor.name, "actor_kind": actor.kind},
            duration_ns=None,
        )
        vector = [
            # One more than it had: the server wants one component to be strictly greater.
            [self._trace(number).context.trace_id, self._trace(number).count_at(epoch) + 1]
            for number, epoch in actor.hard.items()
            if isinstance(number, int) and number != actor.number
        ]
        vector.append([trace.context.trace_id, trace.tick(actor.epoch)])
        event["causality_vector"] = vector
        event["metadata"]["instance_id"] = None  # else the server orders by its name
        event["metadata"]["tags"]["instance"] = self._instance
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
