"""From a tracked event to the sender's buffer: identity, clock, parent and held locks.

Everything here runs in the threads of the application. What can change is captured at once; the
rest is noted down in a tuple, and written as JSON by the thread that sends it (``encoding``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from raceway import values
from raceway.context import LINEAR, MAX_DEPTH, Frame, current_frame, resume
from raceway.pipeline import encoding, events
from raceway.pipeline.actors import HeldLock, current_actor
from raceway.pipeline.encoding import Identity
from raceway.pipeline.native import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.config import Config
    from raceway.context import TraceContext
    from raceway.pipeline.actors import Actor
    from raceway.pipeline.encoding import Json, StateChange
    from raceway.redaction import Hides

RECORD_BYTES = 720
"""What an event counts in the buffer besides its texts, as a tuple or as JSON."""

_MAX_LOCK_TYPES = 10_000
_DEFAULT_LOCK_TYPE = "Lock"
_MAX_TEXT = 4096
_CONSTANT = frozenset({type(None), bool, float})
_INT_MIN, _INT_MAX = values.INT_MIN, values.INT_MAX
_time_ns = time.time_ns


class Emitter:
    """Notes down the events of one client and hands them to its sender. Safe for many threads.

    Args:
        config: Names of service, environment and instance; limits.
        put: Takes the events: ``Sender.put``.
        hides: Whether what has this name is a secret.
    """

    def __init__(self, config: Config, put: Callable[..., bool], hides: Hides = None) -> None:
        self._config = config
        self._put = put
        self._limit = config.max_value_bytes
        self._hides = hides
        self._service = values.text(config.service_name)
        self._identity = Identity(0, "", "")
        self._lock_types: dict[str, str] = {}

    def instance(self) -> str:
        """Return the instance id of this process; another one after a process fork."""
        return self._identify().instance

    def _identify(self) -> Identity:
        identity = self._identity
        if identity.pid != process.pid:
            # The environment may hold bytes that are not UTF-8.
            instance = values.text(self._config.current_instance_id())
            self._identity = identity = Identity(process.pid, self._service, instance)
        return identity

    def capture(self, value: object) -> Any:
        """Return a JSON-safe copy of ``value``, limited to what the configuration allows."""
        return values.capture(value, self._limit, self._hides)

    def state_change(
        self,
        frame: Frame,
        variable: object,
        old: object,
        new: object,
        location: object,
        access: str,
    ) -> None:
        """Record an access in the trace of the current context.

        Args:
            frame: The frame of the current context.
            variable: Name of the variable.
            old: Value before.
            new: Value after.
            location: Where.
            access: One of the access types.
        """
        if type(variable) is not str or len(variable) > _MAX_TEXT:
            variable = values.text(variable)
        if type(location) is not str or len(location) > _MAX_TEXT:
            location = values.text(location)
        size = RECORD_BYTES + len(variable) + len(location)
        # Whole numbers are tried first, without a call: they are what is mostly tracked.
        if not (type(old) is int and _INT_MIN <= old <= _INT_MAX) and type(old) not in _CONSTANT:
            old = encoding.capture(old, self._limit, self._hides)
            if isinstance(old, str):
                size += len(old)
        if not (type(new) is int and _INT_MIN <= new <= _INT_MAX) and type(new) not in _CONSTANT:
            new = encoding.capture(new, self._limit, self._hides)
            if isinstance(new, str):
                size += len(new)
        kind = (variable, old, new, location, access)
        self._note(kind, frame.trace, frame.tail, current_actor(), None, None, size, LINEAR, frame)

    def emit(
        self,
        kind: events.Kind,
        *,
        tags: dict[str, str] | None = None,
        duration_ns: int | None = None,
    ) -> int | None:
        """Record an event in the trace of the current context.

        Args:
            kind: What one of the builders in :mod:`raceway.pipeline.events` returned.
            tags: Text for the event's metadata.
            duration_ns: Duration in nanoseconds.

        Returns:
            Number of the event, or None without a trace or without room in the buffer.
        """
        frame = current_frame()
        if frame is None:
            return None
        written = encoding.as_json(kind)
        size = RECORD_BYTES + len(written)
        longest = MAX_DEPTH if next(iter(kind)) in events.SYNCHRONISING else LINEAR
        return self._note(
            written, frame.trace, frame.tail, current_actor(), tags, duration_ns, size, longest,
            frame,
        )  # fmt: skip

    def acquire(self, lock_id: str, lock_type: str, location: str) -> None:
        """Record that the current actor has acquired a lock, unless it held it before.

        A server keeps the locks of an actor as a plain set: reporting the inner acquire and release
        of a re-entrant lock would make it look unlocked too early.
        """
        if len(self._lock_types) >= _MAX_LOCK_TYPES:
            self._lock_types.clear()
        self._lock_types[lock_id] = lock_type
        frame = current_frame()
        if frame is None:
            return
        held, key = current_actor().held, (id(self), lock_id)
        known = held.get(key)
        if known is not None and known.trace is frame.trace:
            known.count += 1
            return
        lock = held[key] = HeldLock(frame.trace)
        lock.event = self.emit(events.lock_acquire(lock_id, lock_type, location))

    def release(self, lock_id: str, lock_type: str | None, location: str) -> None:
        """Record that the current actor has released a lock for the last time.

        The release of a lock whose acquire was reported is sent even after its trace has ended, or
        if the buffer is full: without it the server takes the actor to be protected for ever.
        """
        actor, key = current_actor(), (id(self), lock_id)
        lock = actor.held.get(key)
        if lock is not None:
            lock.count -= 1
            if lock.count > 0:
                return
            del actor.held[key]
        frame = current_frame()
        if frame is not None:
            trace, parent = frame.trace, frame.tail
        elif lock is not None:
            trace, parent = lock.trace, lock.event
        else:
            return
        kind = encoding.as_json(
            events.lock_release(lock_id, lock_type or self.lock_type(lock_id), location)
        )
        essential = lock is not None and lock.event is not None
        size = RECORD_BYTES + len(kind)
        self._note(kind, trace, parent, actor, None, None, size, LINEAR, frame, essential=essential)

    def holds(self, lock_id: str) -> bool:
        """Return whether the current actor has reported this lock as acquired."""
        return (id(self), lock_id) in current_actor().held

    def lock_type(self, lock_id: str) -> str:
        """Return the type that the lock was acquired with, or ``Lock``."""
        return self._lock_types.get(lock_id, _DEFAULT_LOCK_TYPE)

    def _note(
        self,
        kind: StateChange | Json,
        trace: TraceContext,
        parent: int | None,
        actor: Actor,
        tags: dict[str, str] | None,
        duration_ns: int | None,
        size: int,
        longest: int,
        frame: Frame | None,
        *,
        essential: bool = False,
    ) -> int | None:
        """Put an event into the buffer and let what comes next in the frame hang under it.

        What is called for each event is written out here: a call costs more than what it does.

        Args:
            kind: What happened.
            trace: The trace.
            parent: Number of the event above.
            actor: Who does it.
            tags: Text for the event's metadata.
            duration_ns: Duration in nanoseconds.
            size: What it counts in the buffer.
            longest: Length up to which it may extend a chain of events.
            frame: The frame of the current context.
            essential: Whether it may use the reserve of the buffer.
        """
        identity = self._identity
        if identity.pid != process.pid:
            identity = self._identify()
        locks: tuple[str, ...] = ()
        if actor.held:
            locks = tuple(
                lock_id
                for (owner, lock_id), lock in actor.held.items()
                if owner == id(self) and lock.trace is trace
            )
            size += sum(map(len, locks))
        component = identity.component
        counter = trace.counters.get(component) or trace.counter(component)
        counter.last = tick = counter.next()
        number = events.numbers.next()
        record = (
            kind, number, parent, _time_ns(), counter, tick, actor, identity, locks, tags,
            duration_ns,
        )  # fmt: skip
        if not self._put(record, size, essential):
            # It must not become the parent of others, which the server would then never show.
            return None
        if frame is not None and frame.depth < longest:
            resume(Frame(trace, frame.previous, number, frame.depth + 1))
        return number
