"""multiprocessing.synchronize: locks, conditions, semaphores, events and barriers.

A lock is known in all processes by a name.  Under ``fork`` it is inherited with the object; else it
is that of the system's semaphore, which ends in what the object is to us, because the process that
unpickles it cannot see who made it.  What the package makes for itself, inside a queue or an event,
has none, and is not recorded.

Whether a semaphore's release lets an acquire go on is a matter of counting in all processes: the
first permits are posted when it is made, each release posts one, each acquire takes the oldest.
"""

from __future__ import annotations

import _thread
import sys

from raceway.model import ops
from raceway.record import recorder, shared
from raceway_autopatch.internals import is_internal
from raceway_autopatch.patches.multiprocessing.messages import is_child
from raceway_autopatch.patches.multiprocessing.sites import record, user_frame
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

MODULE = "multiprocessing.synchronize"
TRACE = "_raceway"
"""On a lock or semaphore: ``(sort, name)``; on an event: its name."""

_LOCK = "-rwl"
_PERMITS = "-rwp"
_SORTS = frozenset({_LOCK, _PERMITS})
_MOST_PERMITS = 1 << 20

_here = _thread._local()
"""On this thread: ``sort`` of what is being made, ``quiet`` lock of a condition that waits."""


# ---------------------------------------------------------------- whose it is


def _makers() -> tuple[set[Any], set[Any]]:
    module = sys.modules[MODULE].__dict__
    locks = {"SemLock", "Semaphore", "BoundedSemaphore", "Lock", "RLock"}
    codes = {_code_of(module[name].__init__) for name in locks}
    return codes, {_code_of(module["Condition"].__init__)}


def _code_of(function: Any) -> Any:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function.__code__


def _maker(semaphore: Any) -> FrameType | None:
    """Return where the user made a lock or semaphore; None for what the library makes."""
    inits, condition = _makers()
    recursive = isinstance(semaphore, sys.modules[MODULE].RLock)
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        code = frame.f_code
        if (
            code in inits
            or name in {"multiprocessing.context", "multiprocessing.sharedctypes"}
            or name.startswith("raceway_autopatch.")
            or (recursive and code in condition)  # the lock of a condition that was given none
        ):
            frame = frame.f_back
            continue
        return None if is_internal(frame.f_globals) else frame
    return None


# ---------------------------------------------------------------- Lock, RLock, Semaphore


def _making(semaphore: Any, value: int) -> tuple[str, FrameType] | None:
    frame = _maker(semaphore)
    if frame is None:
        return None
    mutex = not isinstance(semaphore, sys.modules[MODULE].Semaphore) or value == 1
    return (_LOCK if mutex else _PERMITS), frame


def _has_made(semaphore: Any, made: tuple[str, FrameType], value: int) -> None:
    sort, frame = made
    name = semaphore._semlock.name or shared.unique() + sort
    semaphore.__dict__[TRACE] = sort, name
    if sort == _LOCK:
        kind = type(semaphore).__name__
        if frame.f_back is not None and sys._getframe(4).f_code in _makers()[1]:
            kind = "Condition"
        shared.lock(name, kind, frame)
    elif 0 < value <= _MOST_PERMITS:
        shared.sync(ops.POST, 0, (name, value))
    _trace(semaphore)


def _init(original: Callable[..., None]) -> Callable[..., None]:
    making, has_made = contained(_making), contained(_has_made)

    def __init__(self: Any, kind: int, value: int, maxvalue: int, *, ctx: Any) -> None:  # noqa: N807 - it becomes the method
        made = making(self, value)
        _here.sort = made[0] if made else ""
        try:
            original(self, kind, value, maxvalue, ctx=ctx)
        finally:
            _here.sort = ""
        if made:
            has_made(self, made, value)

    return __init__


def _make_name(original: Callable[..., str]) -> Callable[..., str]:
    def _make_name() -> str:
        return original() + getattr(_here, "sort", "")

    return _make_name


def _rebuilt(semaphore: Any, state: tuple[Any, ...]) -> None:
    name = state[3]
    if type(name) is str and name[-len(_LOCK) :] in _SORTS:
        semaphore.__dict__[TRACE] = name[-len(_LOCK) :], name
        _trace(semaphore)


def _setstate(original: Callable[..., None]) -> Callable[..., None]:
    rebuilt = contained(_rebuilt)

    def __setstate__(self: Any, state: Any) -> None:  # noqa: N807 - it becomes the method
        original(self, state)
        rebuilt(self, state)

    return __setstate__


def _acquired(trace: tuple[str, str], *, waits: bool) -> None:
    sort, name = trace
    if sort == _PERMITS:
        shared.sync(ops.TAKE, 0, name)
    elif getattr(_here, "quiet", "") != name:
        record(ops.ACQUIRE if waits else ops.TRY_ACQUIRE, shared.lock(name), 3)


def _releasing(trace: tuple[str, str], semlock: Any) -> None:
    sort, name = trace
    if sort == _PERMITS:
        if semlock._get_value() < semlock.maxvalue:
            shared.sync(ops.POST, 0, (name, 1))
    elif getattr(_here, "quiet", "") != name and _will_release(semlock):
        record(ops.RELEASE, shared.lock(name), 3)


def _will_release(semlock: Any) -> bool:
    """Tell whether a release of a mutex succeeds; a plain lock is anybody's to release."""
    mine: bool = semlock._is_mine()
    return mine or (semlock.kind == 1 and semlock._get_value() < semlock.maxvalue)


def _rest(semlock: Any) -> None:
    """Write out what a child process has recorded, if it is about to wait; see ``messages``."""
    if recorder.BUFFER and is_child() and semlock._is_zero():
        recorder.flush()


def _trace(semaphore: Any) -> None:
    """Let the methods of one lock record; they are attributes of the object, not of its class."""
    semlock = semaphore._semlock
    trace = semaphore.__dict__[TRACE]
    resting = contained(_rest)
    acquired, releasing = contained(_acquired), contained(_releasing)
    raw_acquire, raw_release = semlock.acquire, semlock.release

    def acquire(block: Any = True, timeout: Any = None) -> Any:
        if block:
            resting(semlock)
        got = raw_acquire(block, timeout)
        if got:
            acquired(trace, waits=bool(block) and timeout is None)
        return got

    def release() -> Any:
        releasing(trace, semlock)
        return raw_release()

    semaphore.acquire, semaphore.release = acquire, release


def _enter(original: Callable[..., Any]) -> Callable[..., Any]:
    resting, acquired = contained(_rest), contained(_acquired)

    def __enter__(self: Any) -> Any:  # noqa: N807 - it becomes the method
        resting(self._semlock)
        result = original(self)
        trace = self.__dict__.get(TRACE)
        if trace is not None:
            acquired(trace, waits=True)
        return result

    return __enter__


def _exit(original: Callable[..., Any]) -> Callable[..., Any]:
    releasing = contained(_releasing)

    def __exit__(self: Any, *args: Any) -> Any:  # noqa: N807 - it becomes the method
        trace = self.__dict__.get(TRACE)
        if trace is not None:
            releasing(trace, self._semlock)
        return original(self, *args)

    return __exit__


# ---------------------------------------------------------------- Condition


def _lock_of(condition: Any) -> str:
    """Return the name of the lock of a condition that this thread holds; else nothing."""
    lock = condition._lock
    sort, name = lock.__dict__.get(TRACE, ("", ""))
    return name if sort == _LOCK and lock._semlock._is_mine() else ""


def _waiting(condition: Any) -> str:
    name = _lock_of(condition)
    if name:
        record(ops.WAIT_RELEASE, shared.lock(name), 3)
        _here.quiet = name
    if is_child():
        recorder.flush()  # as in _rest()
    return name


def _waited(name: str, woken: Any) -> None:
    _here.quiet = ""
    record(ops.WAIT_ACQUIRE, shared.lock(name), 3)
    if woken:
        shared.sync(ops.RECEIVE, shared.channel(name + " notified"))


def _condition_wait(original: Callable[..., Any]) -> Callable[..., Any]:
    waiting, waited = contained(_waiting), contained(_waited)

    def wait(self: Any, timeout: float | None = None) -> Any:
        name = waiting(self)
        if not name:
            return original(self, timeout)
        woken = False
        try:
            woken = original(self, timeout)
        finally:
            waited(name, woken)
        return woken

    return wait


def _notifying(condition: Any) -> None:
    name = _lock_of(condition)
    if name:
        shared.sync(ops.NOTIFY, shared.lock(name))
        sleeping = condition._sleeping_count._semlock._get_value()
        if sleeping > condition._woken_count._semlock._get_value():
            shared.sync(ops.SEND, shared.channel(name + " notified"))


def _notify(original: Callable[..., Any]) -> Callable[..., Any]:
    notifying = contained(_notifying)

    def notify(self: Any, n: int = 1) -> Any:
        notifying(self)
        return original(self, n)

    return notify


# ---------------------------------------------------------------- Event


def _event_made(event: Any) -> None:
    frame = user_frame(3)
    event.__dict__[TRACE] = "" if is_internal(frame.f_globals) else shared.unique()


def _event_init(original: Callable[..., None]) -> Callable[..., None]:
    made = contained(_event_made)

    def __init__(self: Any, *, ctx: Any) -> None:  # noqa: N807 - it becomes the method
        original(self, ctx=ctx)
        made(self)

    return __init__


def _event_op(op: int) -> Callable[[Any], None]:
    def step(event: Any) -> None:
        name = event.__dict__.get(TRACE)
        if name:
            shared.sync(op, shared.channel(name))

    return step


def _event_set(original: Callable[..., Any]) -> Callable[..., Any]:
    setting = contained(_event_op(ops.SEND), "event set")

    def set(self: Any) -> Any:  # noqa: A001 - it becomes the method
        setting(self)
        return original(self)

    return set


def _event_seen(original: Callable[..., Any]) -> Callable[..., Any]:
    seen = contained(_event_op(ops.RECEIVE), "event seen")

    def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = original(self, *args, **kwargs)
        if value:
            seen(self)
        return value

    return wait


# ---------------------------------------------------------------- Barrier


def _barrier_made(barrier: Any) -> None:
    barrier._wrapper.__dict__[TRACE] = shared.unique()


def _barrier_init(original: Callable[..., None]) -> Callable[..., None]:
    made = contained(_barrier_made)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the method
        original(self, *args, **kwargs)
        made(self)

    return __init__


def _barrier_op(op: int) -> Callable[[Any], None]:
    def step(barrier: Any) -> None:
        name = barrier._wrapper.__dict__.get(TRACE)
        if name:
            shared.sync(op, shared.channel(name))

    return step


def _bare(original: Any) -> Any:
    """Return a method of ``threading.Barrier`` as it was: there, rounds belong to one process."""
    return getattr(original, "__wrapped__", original)


# All of these run while the barrier's own lock is held, which orders the rounds: who leaves one
# does so before anybody has entered the next.


def _barrier_enter(original: Callable[..., Any]) -> Callable[..., Any]:
    bare, entered = _bare(original), contained(_barrier_op(ops.SEND), "barrier entered")

    def _enter(self: Any) -> Any:
        result = bare(self)
        entered(self)
        return result

    return _enter


def _barrier_release(original: Callable[..., Any]) -> Callable[..., Any]:
    bare = _bare(original)
    full = contained(_barrier_op(ops.RECEIVE), "barrier full")
    done = contained(_barrier_op(ops.SEND), "barrier action")

    def _release(self: Any) -> Any:
        full(self)
        result = bare(self)
        done(self)
        return result

    return _release


def _barrier_exit(original: Callable[..., Any]) -> Callable[..., Any]:
    bare, passed = _bare(original), contained(_barrier_op(ops.RECEIVE), "barrier passed")

    def _exit(self: Any) -> Any:
        if self._state == 1:  # full, and emptying: nobody has failed
            passed(self)
        return bare(self)

    return _exit


def _barrier_wait(original: Callable[..., Any]) -> Callable[..., Any]:
    bare = _bare(original)

    def wait(self: Any, timeout: float | None = None) -> Any:
        return bare(self, timeout)

    return wait


PATCHES = (
    around("SemLock.__init__", _init),
    around("SemLock._make_name", _make_name),
    around("SemLock.__setstate__", _setstate),
    around("SemLock.__enter__", _enter),
    around("SemLock.__exit__", _exit),
    around("Condition.wait", _condition_wait),
    around("Condition.notify", _notify),
    around("Event.__init__", _event_init),
    around("Event.set", _event_set),
    around("Event.is_set", _event_seen),
    around("Event.wait", _event_seen),
    around("Barrier.__init__", _barrier_init),
    around("Barrier._enter", _barrier_enter),
    around("Barrier._release", _barrier_release),
    around("Barrier._exit", _barrier_exit),
    around("Barrier.wait", _barrier_wait),
)
