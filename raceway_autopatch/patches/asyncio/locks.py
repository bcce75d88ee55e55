"""asyncio.locks: mutual exclusion and signals between tasks.

Emits: acquire and release for Lock, Semaphore(1) and BoundedSemaphore(1); send and receive for
Event, Barrier and all other semaphores; Condition locks through its Lock, and a notification
makes the order of that lock a meant one.

Events and barriers are used again and again, and the first round says nothing about the second:
each has a channel of its own.

A semaphore that begins at zero counts messages: the n-th acquire is the n-th release's.  With more
permits than one it admits several at a time, mostly to things that it does not know (the
connections of a pool), and whoever comes in comes after all who have left.

Who waited for a lock is woken by whoever released it.  That edge is the chance order of this run
and no more: a release runs as the loop's thread, which knows nothing of its tasks, so that only
the acquire and release themselves speak of it.
"""

from __future__ import annotations

import sys

# Not from collections, which takes longer to import than all of this.
from _collections import deque  # type: ignore[import-not-found]  # has no stub

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import around, contained

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
        name = str(frame.f_globals.get("__name__"))
        if name not in _OURS and name not in recorder.LIBRARY_MODULES:
            return depth
        frame = frame.f_back
        depth += 1
    return 2


_OURS = frozenset(
    {
        __name__, "raceway_autopatch.patches.asyncio.anyio", "raceway_autopatch.patching",
        "anyio._backends._asyncio", "anyio._core._synchronization",
    }
)  # fmt: skip


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


_NO_LOCK = 0
"""The number of a lock inside asyncio, which orders by accident."""


def mutex(op: int, owner: Any, kind: str) -> None:
    """Record that a lock was acquired or is about to be released, and where.

    Args:
        op: ACQUIRE, TRY_ACQUIRE or RELEASE.
        owner: The lock; it keeps its number itself.
        kind: Its class.
    """
    try:
        number = getattr(owner, "_raceway_lock", None)
        if number == _NO_LOCK:
            return
        if number is None:
            _new_lock(owner, kind)
            number = owner._raceway_lock
        recorder.sync_site(op, number, _user_depth())
    except BaseException as error:  # the lock has been taken, whatever fails here
        recorder.lost("asyncio lock", error)


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
            mutex(ops.ACQUIRE, self, "asyncio.Lock")
        return taken

    return acquire


def _lock_release(original: Callable[..., None]) -> Callable[..., None]:
    def release(self: Any) -> Any:
        if not _status.active or not self._locked:
            return original(self)
        mutex(ops.RELEASE, self, "asyncio.Lock")
        return _released_silently(original, self)

    return release


def _semaphore_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, value: int = 1, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original(self, value, *args, **kwargs)
        self._raceway_mutex = value == 1
        self._raceway_permits = deque() if value == 0 else None
        self._raceway_initial = value
        if value == 1 and _status.active:
            _new_lock(self, "asyncio.Semaphore")

    return __init__


def _semaphore_acquire(original: Async) -> Async:
    async def acquire(self: Any) -> Any:
        taken = await original(self)
        if taken and _status.active:
            if getattr(self, "_raceway_mutex", False):
                mutex(ops.ACQUIRE, self, "asyncio.Semaphore")
            else:
                permitted(self)
                recorder.might_switch()
        return taken

    return acquire


@contained
def permitted(semaphore: Any) -> None:
    """Record that ``semaphore``, which is no mutex, has let somebody in.

    Whom it lets in on the permits that it began with, nobody has had to leave for.
    """
    permits = getattr(semaphore, "_raceway_permits", None)
    initial = getattr(semaphore, "_raceway_initial", 0)
    if permits is None and initial > 0:
        semaphore._raceway_initial = initial - 1
    elif permits is None:
        receive(semaphore)
    elif permits:
        recorder.sync(ops.RECEIVE, permits.popleft())


@contained
def permitting(semaphore: Any) -> None:
    """Record that ``semaphore``, which is no mutex, is about to be released."""
    permits = getattr(semaphore, "_raceway_permits", None)
    if permits is None:
        send(semaphore)
    else:
        permits.append(recorder.next_channel())
        recorder.sync(ops.HANDOFF, permits[-1])


def _semaphore_release(original: Callable[..., None]) -> Callable[..., None]:
    def release(self: Any) -> Any:
        if not _status.active:
            return original(self)
        if getattr(self, "_raceway_mutex", False):
            mutex(ops.RELEASE, self, "asyncio.Semaphore")
            return _released_silently(original, self)
        permitting(self)
        return _released_silently(original, self)

    return release


# ---------------------------------------------------------------- Condition, Event, Barrier


@contained
def _meant(condition: Any) -> None:
    number = getattr(condition._lock, "_raceway_lock", None)
    if number:
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


@contained
def _setting(event: Any) -> None:
    # Who sets what is set already has something to say as well, to whoever clears it and looks.
    recorder.sync(ops.SEND if event._value else ops.HANDOFF, channel(event))


@contained
def _clearing(event: Any) -> None:
    if event._value:
        event._raceway_channel = recorder.next_channel()


@contained
def _waited(number: int | None) -> None:
    if number is not None:
        recorder.sync(ops.RECEIVE, number)
        recorder.might_switch()


def _event_set(original: Callable[..., None]) -> Callable[..., None]:
    def set(self: Any) -> Any:  # noqa: A001 - it takes the place of one
        if _status.active:
            _setting(self)
        return original(self)

    return set


def _event_clear(original: Callable[..., None]) -> Callable[..., None]:
    def clear(self: Any) -> Any:
        if _status.active:
            _clearing(self)
        return original(self)

    return clear


def _event_is_set(original: Callable[..., bool]) -> Callable[..., bool]:
    def is_set(self: Any) -> bool:
        value = original(self)
        if value and _status.active:
            receive(self)
        return value

    return is_set


_channel = contained(channel)


def _event_wait(original: Async) -> Async:
    async def wait(self: Any) -> Any:
        # The next set() is the one that wakes, even if the event is cleared again before we run.
        number = _channel(self) if _status.active else None
        value = await original(self)
        if _status.active:
            _waited(number)
        return value

    return wait


@contained
def _no_lock(barrier: Any) -> None:
    barrier._cond._lock._raceway_lock = _NO_LOCK


@contained
def _arrived(barrier: Any) -> None:
    if barrier._count == 0:  # the first of a round
        barrier._raceway_channel = recorder.next_channel()
    send(barrier)


def _barrier_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original(self, *args, **kwargs)
        _no_lock(self)

    return __init__


def _barrier_block(original: Async) -> Async:
    """Wrap ``Barrier._block``: who returns from it belongs to the round that is filling."""

    async def _block(self: Any) -> Any:
        result = await original(self)
        if _status.active:
            _arrived(self)
        return result

    return _block


def _barrier_passed(original: Async) -> Async:
    """Wrap ``_wait`` and ``_release``: who returns from them has seen all of the round."""

    async def passed(self: Any) -> Any:
        result = await original(self)
        if _status.active:
            receive(self)
            recorder.might_switch()  # the last to come does not wait, but it need not be the last
        return result

    return passed


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
    around("Event.clear", _event_clear),
    around("Event.is_set", _event_is_set),
    around("Event.wait", _event_wait),
    *(
        around(f"Barrier.{name}", factory, optional=True)
        for name, factory in (
            ("__init__", _barrier_init),
            ("_block", _barrier_block),
            ("_wait", _barrier_passed),
            ("_release", _barrier_passed),
        )
    ),
)
