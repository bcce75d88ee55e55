"""trio._sync: mutual exclusion and signals between tasks.

Emits: acquire and release for Lock, StrictFIFOLock, Semaphore(1) and CapacityLimiter(1); send and
receive for Event and all other semaphores; conditions through their lock, and a notification makes
the order of that lock a meant one.

A semaphore that begins at zero counts messages: the n-th acquire is the n-th release's.  With more
permits than one it admits several at a time, and whoever comes in comes after all who have left.  A
limiter of several tokens orders nothing.

``to_thread.run_sync`` takes a token of a limiter for as long as its job runs.  It is the token of
the task that waits, as it is the job's: it is given back when the task is known to have been told
(:mod:`~raceway_autopatch.patches.trio.threads`).

Most of these classes have slots or may have them: what is known of an object is found by its
address.
"""

from __future__ import annotations

import sys

# Not from collections, which takes longer to import than all of this.
from _collections import deque  # type: ignore[import-not-found]  # has no stub

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patches.trio.runs import EVENTS, Task, called_in, protected, silently
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType
    from typing import Any

    Async = Callable[..., Awaitable[Any]]
    Plain = Callable[..., Any]

_SYNC = "trio._sync"

_status = recorder.status


def _user_depth() -> int:
    """Return the depth for the recorder at which the code of the program is, for its caller."""
    depth = 2
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if not name.startswith("raceway_autopatch.") and name not in recorder.LIBRARY_MODULES:
            return depth
        frame = frame.f_back
        depth += 1
    return 2


class _Known:
    """What is known about a lock, a semaphore or a limiter.

    Attributes:
        kind: Its class.
        lock: The number of the lock that it is.
        holder: Whoever has it, if it is one.
        permits: Releases of a semaphore that began at zero, not acquired yet; or None.
        initial: Permits that a semaphore began with, and that are left.
        channel: From releases to acquires of a semaphore that is no lock.
    """

    __slots__ = ("channel", "holder", "initial", "kind", "lock", "permits")

    def __init__(self, kind: str, initial: int) -> None:
        self.kind = kind
        self.lock = 0
        self.holder: Any = None
        self.initial = initial
        self.permits = deque() if initial == 0 else None
        self.channel = 0


_known: dict[int, _Known] = {}
"""By address: whoever is made there next begins anew."""


def forget() -> None:
    """Forget all objects."""
    _known.clear()


def _number(known: _Known) -> int:
    if not known.lock:
        known.lock = recorder.next_lock()
        _, code, offset = recorder.site(_user_depth())
        recorder.define((ops.DEF_LOCK, known.lock, known.kind, "", code, offset))
    return known.lock


def _take(known: _Known, op: int) -> None:
    number = _number(known)
    recorder.sync_site(op, number, _user_depth())
    known.holder = recorder.current()


def _give_back(known: _Known) -> None:
    """Record the release of a lock by whoever has it, which does not run if it is another one."""
    holder, known.holder = known.holder, None
    if holder is not None:
        before = recorder.install(holder)
        recorder.sync_site(ops.RELEASE, known.lock, _user_depth())
        recorder.install(before)


# ---------------------------------------------------------------- Lock


def _lock_init(original: Plain) -> Plain:
    made = contained(_new_lock, "trio.Lock")

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original(self, *args, **kwargs)
        made(self)

    return __init__


def _new_lock(lock: Any) -> None:
    known = _known[id(lock)] = _Known(f"trio.{type(lock).__name__}", 1)
    if _status.active:
        _number(known)


@contained
def _locked(lock: Any, op: int) -> None:
    known = _known.get(id(lock))
    if known is None:  # made before the patches
        known = _known[id(lock)] = _Known(f"trio.{type(lock).__name__}", 1)
    if known.holder is not recorder.current():
        _take(known, op)


@contained
def _unlocking(lock: Any) -> None:
    known = _known.get(id(lock))
    # Who does not own it is refused.
    if known is not None and known.holder is recorder.current():
        _give_back(known)


def _lock_acquire(original: Async) -> Async:
    async def acquire(self: Any) -> Any:
        result = await original(self)
        if _status.active:
            _locked(self, ops.ACQUIRE)
        return result

    return protected(acquire)  # type: ignore[no-any-return]


def _lock_acquire_nowait(original: Plain) -> Plain:
    def acquire_nowait(self: Any) -> Any:
        result = original(self)
        if _status.active and not called_in(_SYNC, "acquire"):
            _locked(self, ops.TRY_ACQUIRE)
        return result

    return protected(acquire_nowait)  # type: ignore[no-any-return]


def _lock_release(original: Plain) -> Plain:
    def release(self: Any) -> Any:
        if not _status.active:
            return original(self)
        _unlocking(self)
        return silently(original, self)

    return protected(release)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- Condition


@contained
def _meant(condition: Any) -> None:
    known = _known.get(id(condition._lock))
    if known is not None and known.lock:
        recorder.sync(ops.NOTIFY, known.lock)


def _notify(original: Plain) -> Plain:
    def notify(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _status.active:
            _meant(self)
        return original(self, *args, **kwargs)

    return notify


def _wait(original: Async) -> Async:
    async def wait(self: Any) -> Any:
        if _status.active:
            _meant(self)
        result = await original(self)
        if _status.active:
            _locked(self._lock, ops.ACQUIRE)  # whoever has released it has handed it over
        return result

    return protected(wait)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- Semaphore


def _semaphore_init(original: Plain) -> Plain:
    made = contained(_new_semaphore, "trio.Semaphore")

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original(self, *args, **kwargs)
        made(self)

    return __init__


def _new_semaphore(semaphore: Any) -> None:
    known = _known[id(semaphore)] = _Known("trio.Semaphore", semaphore.value)
    known.channel = 0 if known.initial == 1 else recorder.next_channel()
    if not known.channel and _status.active:
        _number(known)


@contained
def _admitted(semaphore: Any, op: int) -> None:
    known = _known.get(id(semaphore))
    if known is None:
        return
    if not known.channel:
        _take(known, op)
    elif known.permits is not None:
        if known.permits:
            recorder.sync(ops.RECEIVE, known.permits.popleft())
    elif known.initial > 0:  # nobody has had to leave for it
        known.initial -= 1
    else:
        recorder.sync(ops.RECEIVE, known.channel)


@contained
def _leaving(semaphore: Any) -> None:
    known = _known.get(id(semaphore))
    if known is None:
        return
    if not known.channel:
        _give_back(known)
    elif known.permits is not None:
        known.permits.append(recorder.next_channel())
        recorder.sync(ops.HANDOFF, known.permits[-1])
    else:
        recorder.sync(ops.SEND, known.channel)


def _semaphore_acquire(original: Async) -> Async:
    async def acquire(self: Any) -> Any:
        result = await original(self)
        if _status.active:
            _admitted(self, ops.ACQUIRE)
        return result

    return protected(acquire)  # type: ignore[no-any-return]


def _semaphore_acquire_nowait(original: Plain) -> Plain:
    def acquire_nowait(self: Any) -> Any:
        result = original(self)
        if _status.active and not called_in(_SYNC, "acquire"):
            _admitted(self, ops.TRY_ACQUIRE)
        return result

    return protected(acquire_nowait)  # type: ignore[no-any-return]


def _semaphore_release(original: Plain) -> Plain:
    def release(self: Any) -> Any:
        if not _status.active:
            return original(self)
        _leaving(self)
        return silently(original, self)

    return protected(release)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- CapacityLimiter


def _limiter_init(original: Plain) -> Plain:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original(self, *args, **kwargs)
        _known[id(self)] = _Known("trio.CapacityLimiter", 1)

    return __init__


@contained
def _borrowed(limiter: Any, op: int) -> None:
    known = _known.get(id(limiter))
    if known is not None and limiter.total_tokens == 1:
        _take(known, op)
        calls = getattr(known.holder, "calls", None)
        if calls:
            calls[-1].limiter = limiter


@contained
def returning(limiter: Any, only: Any = None) -> None:
    """Record that the token of a limiter is about to be given back.

    Args:
        limiter: A limiter; its holder may be a task that waits for a job.
        only: Do nothing if somebody else has it by now.
    """
    known = _known.get(id(limiter))
    if known is None or known.holder is None or only not in (None, known.holder):
        return
    holder = known.holder
    if type(holder) is Task and holder.calls and holder.calls[-1].limiter is limiter:
        holder.calls[-1].is_told(holder)
    _give_back(known)


def _limiter_acquire(original: Async) -> Async:
    async def acquire_on_behalf_of(self: Any, borrower: Any) -> Any:
        result = await original(self, borrower)
        if _status.active:
            _borrowed(self, ops.ACQUIRE)
        return result

    return protected(acquire_on_behalf_of)  # type: ignore[no-any-return]


def _limiter_acquire_nowait(original: Plain) -> Plain:
    def acquire_on_behalf_of_nowait(self: Any, borrower: Any) -> Any:
        result = original(self, borrower)
        if _status.active and not called_in(_SYNC, "acquire_on_behalf_of"):
            _borrowed(self, ops.TRY_ACQUIRE)
        return result

    return protected(acquire_on_behalf_of_nowait)  # type: ignore[no-any-return]


def _limiter_release(original: Plain) -> Plain:
    def release_on_behalf_of(self: Any, borrower: Any) -> Any:
        if not _status.active:
            return original(self, borrower)
        returning(self)
        return silently(original, self, borrower)

    return protected(release_on_behalf_of)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- Event


@contained
def _setting(event: Any) -> None:
    # Who sets what is set already has something to say, too; the first one replaces what was
    # sent by a dead event of this address.
    recorder.sync(ops.SEND if event._flag else ops.HANDOFF, id(event) | EVENTS)


@contained
def _seen(event: Any) -> None:
    recorder.sync(ops.RECEIVE, id(event) | EVENTS)


def _set(original: Plain) -> Plain:
    def set(self: Any) -> Any:  # noqa: A001 - it takes the place of one
        if _status.active:
            _setting(self)
        return original(self)

    return protected(set)  # type: ignore[no-any-return]


def _is_set(original: Callable[..., bool]) -> Callable[..., bool]:
    def is_set(self: Any) -> bool:
        value = original(self)
        if value and _status.active:
            _seen(self)
        return value

    return is_set


def _event_wait(original: Async) -> Async:
    async def wait(self: Any) -> Any:
        result = await original(self)
        if _status.active:
            _seen(self)
        return result

    return wait


# ---------------------------------------------------------------- anyio


def _anyio_lock(original: Async) -> Async:
    """Wrap ``acquire`` of anyio's lock, whose fast way takes trio's without asking for it."""

    async def acquire(self: Any) -> Any:
        result = await original(self)
        if _status.active:
            _locked(self._Lock__original, ops.ACQUIRE)
        return result

    return acquire


PATCHES = (
    around("_LockImpl.__init__", _lock_init),
    around("_LockImpl.acquire", _lock_acquire),
    around("_LockImpl.acquire_nowait", _lock_acquire_nowait),
    around("_LockImpl.release", _lock_release),
    around("Condition.notify", _notify),
    around("Condition.notify_all", _notify),
    around("Condition.wait", _wait),
    around("Semaphore.__init__", _semaphore_init),
    around("Semaphore.acquire", _semaphore_acquire),
    around("Semaphore.acquire_nowait", _semaphore_acquire_nowait),
    around("Semaphore.release", _semaphore_release),
    around("CapacityLimiter.__init__", _limiter_init),
    around("CapacityLimiter.acquire_on_behalf_of", _limiter_acquire),
    around("CapacityLimiter.acquire_on_behalf_of_nowait", _limiter_acquire_nowait),
    around("CapacityLimiter.release_on_behalf_of", _limiter_release),
    around("Event.set", _set),
    around("Event.is_set", _is_set),
    around("Event.wait", _event_wait),
)
ANYIO = (around("Lock.acquire", _anyio_lock, optional=True),)
