"""asyncio.locks: mutual exclusion and signals between tasks.

Emits: acquire and release for Lock, Semaphore(1) and BoundedSemaphore(1); send and receive for
Event, Barrier and semaphores that let several in; Condition locks through its Lock, and a
notification makes the order of that lock a meant one.

Who waited for a lock is woken by whoever released it.  That edge is the chance order of this run
and no more: a release runs as the loop's thread, which knows nothing of its tasks, so that only
the acquire and release themselves speak of it.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import around, contained, internal_error

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType
    from typing import Any

    Async = Callable[..., Awaitable[Any]]

_status = recorder.status


def _user_depth() -> int:
    """Return the depth for the recorder at which the code of the program is, for its caller."""
    depth = 2
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name not in _OURS and name not in recorder.LIBRARY_MODULES:
            return depth
        frame = frame.f_back
        depth += 1
    return 2


_OURS = frozenset({__name__, "raceway_autopatch.patching"})


@contained
def _new_lock(owner: Any, kind: str) -> None:
    owner._raceway_lock = number = recorder.next_lock()
    _, code, offset = recorder.site(_user_depth())
    recorder.define((ops.DEF_LOCK, number, kind, "", code, offset))


def channel(owner: Any) -> int:
    """Return the channel of a primitive; it keeps it itself.

    Args:
        owner: Event, Barrier, Semaphore or Queue.
    """
    number: int | None = getattr(owner, "_raceway_channel", None)
    if number is None:
        number = owner._raceway_channel = recorder.next_channel()
    return number


@contained
def send(owner: Any) -> None:
    """Record that what came before happens before whoever receives from ``owner``."""
    recorder.sync(ops.SEND, channel(owner))


@contained
def receive(owner: Any) -> None:
    """Record that whoever runs here has seen what was sent by way of ``owner``."""
    recorder.sync(ops.RECEIVE, channel(owner))


# ---------------------------------------------------------------- Lock and Semaphore


def _mutex(op: int, owner: Any, kind: str) -> None:
    """Record that the lock ``owner`` was acquired or is about to be released, and where."""
    try:
        number = getattr(owner, "_raceway_lock", None)
        if number is None:
            _new_lock(owner, kind)
            number = owner._raceway_lock
        recorder.sync_site(op, number, _user_depth())
    except Exception as error:  # the lock has been taken, whatever fails here
        internal_error("asyncio lock", error)


def _released_silently(original: Callable[..., Any], lock: Any) -> Any:
    """Release; the waiter that is woken learns nothing by that."""
    local = recorder.local
    before = recorder.current()
    local.s = getattr(local, "thread", before)
    try:
        return original(lock)
    finally:
        local.s = before


def _lock_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original(self, *args, **kwargs)
        if _status.active:
            _new_lock(self, "asyncio.Lock")

    return __init__


def _lock_acquire(original: Async) -> Async:
    async def acquire(self: Any) -> Any:
        taken = await original(self)
        if taken and _status.active:
            _mutex(ops.ACQUIRE, self, "asyncio.Lock")
        return taken

    return acquire


def _lock_release(original: Callable[..., None]) -> Callable[..., None]:
    def release(self: Any) -> Any:
        if not _status.active or not self._locked:
            return original(self)
        _mutex(ops.RELEASE, self, "asyncio.Lock")
        return _released_silently(original, self)

    return release


def _semaphore_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, value: int = 1, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(self, value, *args, **kwargs)
        self._raceway_mutex = value == 1
        if value == 1 and _status.active:
            _new_lock(self, "asyncio.Semaphore")

    return __init__


def _semaphore_acquire(original: Async) -> Async:
    async def acquire(self: Any) -> Any:
        taken = await original(self)
        if taken and _status.active:
            if getattr(self, "_raceway_mutex", False):
                _mutex(ops.ACQUIRE, self, "asyncio.Semaphore")
            else:
                receive(self)
        return taken

    return acquire


def _semaphore_release(original: Callable[..., None]) -> Callable[..., None]:
    def release(self: Any) -> Any:
        if not _status.active:
            return original(self)
        if getattr(self, "_raceway_mutex", False):
            _mutex(ops.RELEASE, self, "asyncio.Semaphore")
            return _released_silently(original, self)
        send(self)
        return original(self)

    return release


# ---------------------------------------------------------------- Condition, Event, Barrier


@contained
def _meant(condition: Any) -> None:
    number = getattr(condition._lock, "_raceway_lock", None)
    if number is not None:
        recorder.sync(ops.NOTIFY, number)


def _condition_notify(original: Callable[..., None]) -> Callable[..., None]:
    def notify(self: Any, n: int = 1) -> Any:
        if _status.active:
            _meant(self)
        return original(self, n)

    return notify


def _condition_wait(original: Async) -> Async:
    async def wait(self: Any) -> Any:
        if _status.active:
            _meant(self)
        return await original(self)

    return wait


def _event_set(original: Callable[..., None]) -> Callable[..., None]:
    def set(self: Any) -> Any:  # noqa: A001 - it takes the place of one
        if _status.active:
            send(self)
        return original(self)

    return set


def _event_is_set(original: Callable[..., bool]) -> Callable[..., bool]:
    def is_set(self: Any) -> bool:
        value = original(self)
        if value and _status.active:
            receive(self)
        return value

    return is_set


def _event_wait(original: Async) -> Async:
    async def wait(self: Any) -> Any:
        value = await original(self)
        if _status.active:
            receive(self)
        return value

    return wait


def _barrier_wait(original: Async) -> Async:
    async def wait(self: Any) -> Any:
        if not _status.active:
            return await original(self)
        send(self)
        position = await original(self)
        receive(self)
        return position

    return wait


PATCHES = (
    around("Lock.__init__", _lock_init),
    around("Lock.acquire", _lock_acquire),
    around("Lock.release", _lock_release),
    around("Semaphore.__init__", _semaphore_init),
    around("Semaphore.acquire", _semaphore_acquire),
    around("Semaphore.release", _semaphore_release),
    around("Condition.notify", _condition_notify),
    around("Condition.wait", _condition_wait),
    around("Event.set", _event_set),
    around("Event.is_set", _event_is_set),
    around("Event.wait", _event_wait),
    around("Barrier.wait", _barrier_wait, optional=True),
)
