"""Events that a program tracks by calls of an SDK: in Python, Node, Go, Rust.

What orders them is gathered from what they carry:

* the thread: its events follow each other.  Where an SDK takes turns on one thread (Node, Rust),
  the traces of the thread do not follow each other, but only one of them runs at a time;
* the parent: who hangs under an event comes after it;
* the clock: who has been called knows what its caller had done;
* spans: a caller that goes on after the response comes after what the callee did;
* tasks: who awaits a task comes after it;
* locks: by events and by lock sets.

Nothing of that says what a server did between two requests: those that did not overlap are ordered
by time only, so that what is found between them is predicted and not observed.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from raceway.engine.stamped import ActorReplay, Message
from raceway.model import ops
from raceway.model.aging import Aging
from raceway.pipeline.replay import compiled
from raceway.pipeline.replay import message as message_of
from raceway.server.event_decoding import Change
from raceway.server.event_reader import Stored
from raceway.server.event_replay import EventReplay, Origin, scalar
from raceway.server.evidence import SETTLED, SETTLED_KEPT, ServerAnalyzer
from raceway.server.senders import Sender
from raceway.server.wire import Event, Metadata

Waiting = tuple[int, int, float, Stored, Sender]
"""When an event happened, its serial number, when it was received, the event and its sender."""

THREADS_KEPT: Final = 20_000
"""Threads of a generation, and groups of them."""
EVENTS_KEPT: Final = 50_000
"""Events of a generation that others may hang under."""
TRACES_KEPT: Final = 20_000
"""Of a generation: clocks of traces, spans, tasks."""
_TRACES_OF_THREAD: Final = 64
_SENT_KEPT: Final = 32
_OPS: Final = {
    "Read": (ops.READ, False),
    "Write": (ops.WRITE, False),
    "AtomicRead": (ops.READ, True),
    "AtomicWrite": (ops.WRITE, True),
    "AtomicRMW": (ops.UPDATE, True),
}
_NO_LOCKS: Final = frozenset[int]()
_LOCAL: Final = re.compile(
    r"(?:^|[^a-z])(?:r?lock|mutex|rw_?lock|r(?:ead)?_?w(?:rite)?_?lock|semaphore|monitor|condition"
    r"|async_?lock)(?:$|[^a-z])|^(?:lock|mutex|rlock|sync\.\w+)$",
    re.IGNORECASE,
)
_SHARED: Final = re.compile(
    r"(?:^|[^a-z])r(?:ead|w[^a-z]*read)|read_?(?:lock|guard)|shared", re.IGNORECASE
)
_THREAD_NAME: Final = re.compile(r"(task|greenlet)-\d+$")


@dataclass(slots=True)
class _Thread:
    """One thread id of one process."""

    key: tuple[str, str]
    current: ActorReplay | None = None
    trace: str = ""
    group: int = 0
    actors: dict[str, ActorReplay] = field(default_factory=dict)
    last: str = ""
    tells_locks: bool = False
    function: tuple[str, str] = ("", "")
    names: dict[str, tuple[str, str]] = field(default_factory=dict)  # and kinds, by language


class SdkEvents:
    """Feeds events that were tracked by hand.

    Args:
        replay: What is fed.

    Attributes:
        in_c: Whether the usual events are taken by C code.
    """

    __slots__ = (
        "_clocks", "_events", "_groups", "_happened", "_replay", "_replies", "_running", "_sender",
        "_shared", "_spawns", "_tasks", "_thread", "_threads", "in_c",
    )  # fmt: skip

    def __init__(self, replay: EventReplay) -> None:
        self._replay = replay
        is_heard = type(replay).happened is not EventReplay.happened
        self._happened = replay.happened if is_heard else None
        # What a subclass does instead of these is not known to C.
        self.in_c = (
            compiled is not None
            and type(replay) is EventReplay
            and type(replay.detector) is ServerAnalyzer
        )
        self._threads: Aging[tuple[str, str], _Thread] = Aging(THREADS_KEPT)
        self._groups: Aging[tuple[str, str], int] = Aging(THREADS_KEPT)
        self._events: Aging[str, Message] = Aging(EVENTS_KEPT)
        self._spawns: Aging[str, str] = Aging(TRACES_KEPT)  # event -> task
        self._tasks: Aging[str, ActorReplay] = Aging(TRACES_KEPT)
        # By trace and component: the latest numbers, and what was known then.
        self._clocks: Aging[tuple[str, str], deque[tuple[int, Message]]] = Aging(TRACES_KEPT)
        # By trace and calling span: when a callee has answered, and what it knew.
        self._replies: Aging[tuple[str, str], list[tuple[int, Message]]] = Aging(TRACES_KEPT)
        self._shared: dict[int, dict[int, bool]] = {}
        self._running: Aging[int, int] = Aging(THREADS_KEPT)  # by group
        self._sender: Sender | None = None  # of the event before
        self._thread = _Thread(("", ""))

    def follow(self, waiting: list[Waiting], start: int) -> int:
        """Take events as long as they are accesses of which there is nothing special.

        Args:
            waiting: The events.
            start: Which of them is the next one.

        Returns:
            The one that :meth:`feed` is to take, or how many there are.
        """
        if self.in_c:
            return compiled.follow(self, waiting, start)  # type: ignore[no-any-return]
        return start

    def feed(self, event: Stored, sender: Sender) -> None:
        """Take the next event."""
        replay = self._replay
        # Most events are of the sender of the one before.
        thread = self._thread if sender is self._sender else self._thread_of(sender)
        actor = thread.current
        sent = event.event
        if (
            actor is None
            or thread.trace != sent.trace_id
            or replay.actors.get(actor.number) is not actor
        ):
            actor = self._enter(thread, event, sender)
        group = actor.group
        if group != actor.number and self._running.get(group) != actor.number:
            replay.switch(actor)
            self._running[group] = actor.number
        replay.advance(actor)
        vector = sent.causality_vector
        if (
            event.parent
            or self._replies.young
            or self._replies.old
            or len(vector) != 1
            or vector[0][0] != sender.component
        ):
            self._order(thread, actor, event, sender)
        if self._happened is not None:
            self._happened(actor, event)
        kind = event.kind
        if kind in _HANDLERS:
            _HANDLERS[kind](self, thread, actor, event)
        if sent.lock_set or (thread.tells_locks and actor.held):
            self._agree_on_locks(thread, actor, event)
        if kind == "StateChange":
            self._access(thread, actor, event)
        self._remember(thread, actor, event, sender)

    def _thread_of(self, sender: Sender) -> _Thread:
        thread = self._threads.get(sender.thread)
        if thread is None:
            thread = self._threads[sender.thread] = _Thread(sender.thread)
        self._sender, self._thread = sender, thread
        return thread

    # ------------------------------------------------------------ actors

    def _enter(self, thread: _Thread, event: Stored, sender: Sender) -> ActorReplay:
        """Return who does what comes now: each trace of a thread is an actor of its own."""
        replay = self._replay
        trace = event.event.trace_id
        before = thread.current
        actor = thread.actors.get(trace)
        if actor is not None and replay.actors.get(actor.number) is not actor:
            actor = None
        follows = sender.language == "python"
        if actor is None:
            run, thread_id = thread.key
            named = thread.names.get(sender.language)
            if named is None:
                named = thread.names[sender.language] = _name(thread_id, sender.language)
            name, kind = named
            group = self._group(run, thread, kind, follows=follows)
            origin = Origin(run, sender.service, trace, thread_id, True)
            actor = replay.begin(name, kind, group, origin)
            thread.actors[trace] = actor
            if len(thread.actors) > _TRACES_OF_THREAD:
                oldest = next(iter(thread.actors))
                replay.end(thread.actors.pop(oldest))
            replay.knows_by_time(actor)
        if before is not None and before is not actor and follows:
            replay.learn_from(actor, replay.message(before))
            if not before.held and replay.actors.get(before.number) is before:
                replay.end(before)
        thread.current, thread.trace, thread.last = actor, trace, ""
        return actor

    def _group(self, run: str, thread: _Thread, kind: str, *, follows: bool) -> int:
        """Return the number of those with whom an actor takes turns; 0 for a thread."""
        if not follows:
            key = thread.key
        elif kind in {"task", "greenlet"}:
            key = (run, kind)  # of how many loops is not known: mostly there is one
        else:
            return 0
        number = self._groups.get(key)
        if number is None:
            number = self._groups[key] = self._replay.next_number()
        return number

    # ------------------------------------------------------------ order

    def _order(self, thread: _Thread, actor: ActorReplay, event: Stored, sender: Sender) -> None:
        """Let the actor know what the event says that it comes after."""
        replay, sent = self._replay, event.event
        parent = event.parent
        if parent and parent != thread.last:
            message = self._events.get(parent)
            if message is not None and message.actor != actor.number:
                replay.learn_from(actor, message)
            task = self._spawns.peek(parent)
            if task is not None and message is not None and message.actor != actor.number:
                self._tasks[task] = actor
                self._spawns.pop(parent)
        own = sender.component
        for component, count in sent.causality_vector:
            if component != own and "#" in component:
                self._learn_clock(actor, (sent.trace_id, component), count)
        span = sent.metadata.distributed_span_id
        if span:
            replies = self._replies.get((sent.trace_id, span))
            if replies:
                late = [one for one in replies if one[0] > event.time]
                for when, message in replies:
                    if when <= event.time:
                        replay.learn_from(actor, message)
                replies[:] = late

    def _learn_clock(self, actor: ActorReplay, key: tuple[str, str], count: int) -> None:
        seen: set[int] = set()
        for number, message in reversed(self._clocks.get(key) or ()):
            # One component is shared by all threads of a process: of each what it had done.
            if number <= count and message.actor not in seen:
                seen.add(message.actor)
                self._replay.learn_from(actor, message)

    def _remember(self, thread: _Thread, actor: ActorReplay, event: Stored, sender: Sender) -> None:
        """Keep what others may refer to."""
        if actor.held or actor.turn is not None:
            message = self._replay.message(actor)
        else:
            message = message_of(actor)
        events = self._events
        young = events.young
        if len(young) >= events.limit:
            events.age()
            young = events.young
        young[event.id] = message  # it is new: there is none to be taken out of the old ones
        thread.last = event.id
        sent = event.event
        own = sender.component
        for component, count in sent.causality_vector:
            if component == own:
                key = (sent.trace_id, component)
                (self._clocks.young.get(key) or self._clock(*key)).append((count, message))
        if event.kind == "HttpResponse":
            self._responded(actor, event, message)

    def _clock(self, trace: str, component: str) -> deque[tuple[int, Message]]:
        """Return what is known of a component in a trace."""
        known = self._clocks.get((trace, component))
        if known is None:
            known = self._clocks[trace, component] = deque(maxlen=_SENT_KEPT)
        return known

    def _responded(self, actor: ActorReplay, event: Stored, message: Message) -> None:
        sent, metadata = event.event, event.event.metadata
        if metadata.tags.get("http.direction", "in") == "in":
            if metadata.upstream_span_id:
                reply = (sent.trace_id, metadata.upstream_span_id)
                replies = self._replies.get(reply)
                if replies is None:
                    replies = self._replies[reply] = []
                replies.append((event.time, message))
                del replies[:-_SENT_KEPT]
            if not actor.held:
                self._replay.end(actor)

    # ------------------------------------------------------------ kinds

    def _call(self, thread: _Thread, _actor: ActorReplay, event: Stored) -> None:
        thread.function = (event.fields.file, event.fields.function_name)

    def _acquire(self, thread: _Thread, actor: ActorReplay, event: Stored) -> None:
        fields = event.fields
        number = self._lock(thread, fields.lock_id, fields.lock_type)
        if _SHARED.search(fields.lock_type):
            self._shared.setdefault(actor.number, {})[number] = True
            if len(self._shared) > THREADS_KEPT:
                del self._shared[next(iter(self._shared))]
        site = self._replay.places.site(fields.location, self._function(thread, fields.location))
        self._replay.take(actor, number, site, waits=True)

    def _release(self, thread: _Thread, actor: ActorReplay, event: Stored) -> None:
        fields = event.fields
        number = self._lock(thread, fields.lock_id, fields.lock_type)
        if number in actor.held:
            self._replay.give_back(actor, number)
        else:
            # Taken in another trace of this thread, or before anything was sent.
            holder = next((one for one in thread.actors.values() if number in one.held), None)
            if holder is not None:
                self._replay.drop(holder, number)
        if number not in actor.held:
            self._shared.get(actor.number, {}).pop(number, None)

    def _spawn(self, _thread: _Thread, _actor: ActorReplay, event: Stored) -> None:
        self._spawns[event.id] = event.fields.task_id

    def _await(self, _thread: _Thread, actor: ActorReplay, event: Stored) -> None:
        child = self._tasks.pop(event.fields.future_id)
        if child is not None and child is not actor:
            self._replay.learn_from(actor, self._replay.message(child))

    def _access(self, thread: _Thread, actor: ActorReplay, event: Stored) -> None:
        fields = event.fields
        replay = self._replay
        name = fields.variable
        variable = replay.variables.young.get(name)
        if variable is None:
            variable = replay.variable("", name, name, ops.ROLE_NAMED)
        value, has_value = fields.new_value, True
        if type(value) is not int:
            value, has_value = scalar(value)
        op, is_atomic = _OPS[fields.access_type]
        has_value = has_value and not (value is None and op == ops.READ)  # not told
        atomic = 0
        if is_atomic:
            atomic = replay.lock("", f"atomic\0{name}", "atomic", "one atomic operation")
        without = _NO_LOCKS
        if op != ops.READ and self._shared:
            without = frozenset(self._shared.get(actor.number, ()))
        location = fields.location
        function = self._function(thread, location) if thread.function[0] else ""
        site = replay.places.known.young.get((location, function))
        if site is None:
            site = replay.places.site(location, function)
        replay.touch(
            actor, op, variable, site, value, has_value=has_value, atomic=atomic, without=without
        )

    @staticmethod
    def _function(thread: _Thread, location: str) -> str:
        file, name = thread.function
        return name if file and location.startswith(f"{file}:") else ""

    def _lock(self, thread: _Thread, lock_id: str, lock_type: str) -> int:
        # A mutex is one of its process; what is called otherwise may be a lock of a database.
        scope = thread.key[0] if not lock_type or _LOCAL.search(lock_type) else ""
        return self._replay.lock(scope, lock_id, lock_type or "Lock", lock_id)

    def _agree_on_locks(self, thread: _Thread, actor: ActorReplay, event: Stored) -> None:
        """Believe the event as to which locks are held, if its SDK says that at all."""
        thread.tells_locks = True
        told = event.event.lock_set
        if len(told) == len(actor.held) and event.kind == "StateChange" and not told:
            return
        numbers = {self._known_lock(thread, one): one for one in told}
        for number in [one for one in actor.held if one not in numbers]:
            self._replay.drop(actor, number)
        missing = [number for number in numbers if number not in actor.held]
        if missing:
            location = getattr(event.fields, "location", "") or "unknown:0"
            site = self._replay.places.site(location)
            for number in missing:
                self._replay.take(actor, number, site, waits=False)

    def _known_lock(self, thread: _Thread, lock_id: str) -> int:
        """Return the number of a lock by its id alone: one that is held has a type."""
        for held in thread.current.held if thread.current is not None else ():
            if self._replay.definitions.lock(held).name == lock_id:
                return held
        return self._lock(thread, lock_id, "")


def _name(thread_id: str, language: str) -> tuple[str, str]:
    """Return what a report calls an actor, and its kind."""
    name = thread_id.rpartition(":")[2] or thread_id
    found = _THREAD_NAME.search(name)
    if language == "python":
        return name[:120], found[1] if found else "thread"
    return name[:120], "goroutine" if language == "go" else "task"


_HANDLERS: Final[dict[str, Any]] = {
    "FunctionCall": SdkEvents._call,
    "LockAcquire": SdkEvents._acquire,
    "LockRelease": SdkEvents._release,
    "AsyncSpawn": SdkEvents._spawn,
    "AsyncAwait": SdkEvents._await,
}

if compiled is not None:
    compiled.configure_sdk(
        {
            "change": Change, "metadata": Metadata, "sdk": SdkEvents, "sender": Sender,
            "sent": Event, "stored": Stored, "thread": _Thread,
        },
        ServerAnalyzer,
        SETTLED,
        SETTLED_KEPT,
        ops.TEXT_LIMIT,
    )  # fmt: skip
