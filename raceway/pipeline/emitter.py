"""From a kind to bytes in the sender's buffer: identity, clock, parent and held locks.

An event is encoded when it is tracked, not when it is sent: what was captured can no longer change,
and the buffer knows its size to the byte.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from raceway import values
from raceway.context import advance, current_frame
from raceway.pipeline import events
from raceway.pipeline.actors import HeldLock, current_actor

if TYPE_CHECKING:
    from raceway.config import Config
    from raceway.context import TraceContext
    from raceway.pipeline.actors import Actor
    from raceway.pipeline.sender import Sender

_MAX_LOCK_TYPES = 10_000
_DEFAULT_LOCK_TYPE = "Lock"

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


class Emitter:
    """Builds the events of one client and hands them to its sender. Safe for many threads.

    Args:
        config: Names of service, environment and instance; limits.
        sender: Takes the events.
    """

    def __init__(self, config: Config, sender: Sender) -> None:
        self._config = config
        self._sender = sender
        self._service = values.text(config.service_name)
        self._environment = values.text(config.environment)
        self._identity: tuple[int, str] = (0, "")
        self._lock_types: dict[str, str] = {}

    def instance(self) -> str:
        """Return the instance id of this process; another one after a process fork."""
        pid, instance = self._identity
        if pid != os.getpid():
            # The environment may hold bytes that are not UTF-8.
            instance = values.text(self._config.current_instance_id())
            self._identity = (os.getpid(), instance)
        return instance

    def capture(self, value: object) -> Any:
        """Return a JSON-safe copy of ``value``, limited to what the configuration allows."""
        return values.capture(value, self._config.max_value_bytes)

    def emit(
        self,
        kind: events.Kind,
        *,
        tags: dict[str, str] | None = None,
        duration_ns: int | None = None,
    ) -> str | None:
        """Record an event in the trace of the current context.

        Args:
            kind: What one of the builders in :mod:`raceway.pipeline.events` returned.
            tags: Text for the event's metadata.
            duration_ns: Duration in nanoseconds.

        Returns:
            Id of the event, or None without a trace or without room in the buffer.
        """
        frame = current_frame()
        if frame is None:
            return None
        event_id = self._put(kind, frame.trace, frame.tail, current_actor(), tags, duration_ns)
        if event_id is not None:
            # Only now: an event that was dropped must not become the parent of others, which the
            # server would then never show.
            advance(event_id, synchronises=next(iter(kind)) in events.SYNCHRONISING)
        return event_id

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
        lock = held[key] = HeldLock(frame.trace, None)
        lock.event_id = self.emit(events.lock_acquire(lock_id, lock_type, location))

    def release(self, lock_id: str, lock_type: str | None, location: str) -> None:
        """Record that the current actor has released a lock for the last time.

        The release of a lock whose acquire was reported is sent even after its trace has ended:
        without it the server takes the actor to be protected for ever.
        """
        actor, key = current_actor(), (id(self), lock_id)
        lock = actor.held.get(key)
        if lock is not None:
            lock.count -= 1
            if lock.count > 0:
                return
            del actor.held[key]
        kind = events.lock_release(lock_id, lock_type or self.lock_type(lock_id), location)
        if current_frame() is not None:
            self.emit(kind)
        elif lock is not None:
            self._put(kind, lock.trace, lock.event_id, actor, None, None)

    def holds(self, lock_id: str) -> bool:
        """Return whether the current actor has reported this lock as acquired."""
        return (id(self), lock_id) in current_actor().held

    def lock_type(self, lock_id: str) -> str:
        """Return the type that the lock was acquired with, or ``Lock``."""
        return self._lock_types.get(lock_id, _DEFAULT_LOCK_TYPE)

    def _put(
        self,
        kind: events.Kind,
        trace: TraceContext,
        parent_id: str | None,
        actor: Actor,
        tags: dict[str, str] | None,
        duration_ns: int | None,
    ) -> str | None:
        instance = self.instance()
        event_id = events.new_event_id()
        event = events.envelope(
            kind,
            event_id=event_id,
            parent_id=parent_id,
            trace=trace,
            clock=trace.tick(f"{self._service}#{instance}"),
            held=[
                lock_id
                for (owner, lock_id), lock in actor.held.items()
                if owner == id(self) and lock.trace is trace
            ],
            thread_id=actor.thread_id(instance),
            service=self._service,
            environment=self._environment,
            instance=instance,
            tags=tags or {},
            duration_ns=duration_ns,
        )
        return event_id if self._sender.put(_encode(event).encode("utf-8")) else None
