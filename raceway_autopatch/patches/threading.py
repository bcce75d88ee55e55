"""threading: locks, conditions, events, semaphores, barriers, and the life of threads.

Emits: acquire, release and wait on locks; notify; send and receive for what a condition, an event,
a semaphore or a barrier promises; fork, join and end of threads; what a thread has
raised and nobody caught.

What is known about a thread is in its ``__dict__``: a table of threads would keep them alive, and a
weak one is Python code with locks.  Only the recorder's state of it is there, no reference back.
"""

from __future__ import annotations

import sys

from raceway import context
from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch import locks
from raceway_autopatch.internals import caller, is_internal
from raceway_autopatch.lock_ops import skip_frames_of
from raceway_autopatch.patching import around, contained, replace
from raceway_autopatch.primitives import (
    TRACE,
    barrier_break,
    barrier_enter,
    barrier_release,
    barrier_wait,
    event_init,
    event_seen,
    event_set,
    semaphore_acquire,
    semaphore_init,
    semaphore_release,
    thread_group,
)

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

SUPPORTS = None

STATE = "_raceway_state"
FRAME = "_raceway_frame"
"""On a thread: the frame of the trace in which it was started."""
JOINED = "_raceway_joined"


_receive = contained(lambda channel: recorder.sync(ops.RECEIVE, channel), "receive")


def setup() -> None:
    """Give ``threading`` back what it took from ``_thread`` after that was patched."""
    names = sys.modules["threading"].__dict__
    for name in ("Lock", "_allocate_lock"):
        if name in names:
            names[name] = locks.untraced(names[name])
    for name in ("_start_new_thread", "_start_joinable_thread"):
        if name in names:
            names[name] = getattr(names[name], "__wrapped__", names[name])


# ---------------------------------------------------------------- Lock, RLock, Condition


def _lock(original: Any) -> Any:
    skip_frames_of(sys.modules["threading"].Condition)
    return locks.lock_factory(original)


_tracers: list[Callable[..., Any]] = []


def _rlock(original: Any) -> Any:
    replacement, trace = locks.rlock_factory(original)
    _tracers[:] = [trace]
    return replacement


def _condition_lock(frame: FrameType) -> Any:
    """Make the lock of a condition that was given none; None lets it make its own."""
    if is_internal(frame.f_globals):
        return None
    # Called from here, RLock gives the real one, whatever it is at the moment.
    return _tracers[0](sys.modules["threading"].RLock(), "Condition", frame)


def _condition_attach(condition: Any, lock: Any, frame: FrameType) -> None:
    if not locks.is_traced(lock):
        return
    condition.__dict__[TRACE] = recorder.next_channel()
    if not is_internal(frame.f_globals):
        # So that what comes before the first notification is known to be under a condition's lock.
        recorder.sync(ops.NOTIFY, locks.serial_of(lock))
    if issubclass(type(lock), locks.TracedLock):
        condition._release_save, condition._acquire_restore = locks.waiting_pair(lock)


def _before_notify(condition: Any, count: int) -> None:
    lock = condition._lock
    if not locks.is_held(lock):
        return  # it will raise
    recorder.sync(ops.NOTIFY, locks.serial_of(lock))
    if condition._waiters and count > 0:
        recorder.sync(ops.SEND, condition.__dict__[TRACE])


def _condition_init(original: Callable[..., None]) -> Callable[..., None]:
    make_lock, attach = contained(_condition_lock), contained(_condition_attach)

    def __init__(self: Any, lock: Any = None) -> None:  # noqa: N807 - it becomes the method
        frame = caller()
        if lock is None:
            lock = make_lock(frame)
        original(self, lock)
        attach(self, lock, frame)

    return __init__


def _condition_wait(original: Callable[..., Any]) -> Callable[..., Any]:
    def wait(self: Any, timeout: float | None = None) -> Any:
        woken = original(self, timeout)
        if woken and TRACE in self.__dict__:
            _receive(self.__dict__[TRACE])
        return woken

    return wait


def _condition_notify(original: Callable[..., Any]) -> Callable[..., Any]:
    before = contained(_before_notify)

    def notify(self: Any, n: int = 1) -> Any:
        if TRACE in self.__dict__:
            before(self, n)
        return original(self, n)

    return notify


# ---------------------------------------------------------------- Thread


def _failed() -> None:
    error = sys.exc_info()[1]
    if error is not None:
        recorder.failed(error)


def _make_invoke_excepthook(original: Callable[..., Any]) -> Callable[..., Any]:
    failed = contained(_failed)

    def _make_invoke_excepthook() -> Any:
        invoke = original()

        def invoke_excepthook(thread: Any) -> Any:
            failed()
            return invoke(thread)

        return invoke_excepthook

    return _make_invoke_excepthook


PAUSE_ITEMS = 256 * ops.STRIDE
"""Length of the buffer at which a thread that ends hands it over."""

_POOLS = ("concurrent.futures.thread", "multiprocessing.pool", "anyio._backends._asyncio")
"""Whose threads serve many: they are in no trace but that of the job they are at."""

_all_ended = recorder.next_channel()
"""What happened in any thread that the interpreter waits for at its end."""


def _starting(thread: Any) -> None:
    if not thread._initialized or thread._started.is_set():
        return  # it will raise
    group = thread_group()
    state = recorder.new_state(str(thread._name), "greenlet" if group else "thread", group)
    recorder.fork_actor(state)
    thread.__dict__[STATE] = state
    frame = context.current_frame()
    if frame is not None and getattr(thread._target, "__module__", "") not in _POOLS:
        thread.__dict__[FRAME] = frame


def _begins(thread: Any) -> recorder.State | None:
    state = thread.__dict__.get(STATE)
    if state is None:
        return None
    frame = thread.__dict__.pop(FRAME, None)
    if frame is not None:
        context.resume(frame)
    before: recorder.State | None = getattr(recorder.local, "s", None)
    recorder.local.s = state
    if before is None:  # a greenlet that passes for a thread runs on somebody else's
        recorder.local.thread = state
    return before


def _ends(thread: Any, before: recorder.State | None) -> None:
    state = thread.__dict__.get(STATE)
    if state is not None:
        recorder.local.s = state
        if not thread._daemonic:
            recorder.sync(ops.SEND, _all_ended)
        recorder.sync(ops.END, state.actor)
        if before is not None:
            recorder.local.s = before
    if len(recorder.BUFFER) > PAUSE_ITEMS:
        recorder.flush()


def _ended(thread: Any) -> None:
    """Record that who runs here knows of the end of ``thread``; once for each who asks in turn."""
    names = thread.__dict__
    state = names.get(STATE)
    if state is not None:
        actor = recorder.current().actor
        if names.get(JOINED) != actor:
            recorder.sync(ops.JOIN, state.actor)
            names[JOINED] = actor


def _thread_start(original: Callable[..., Any]) -> Callable[..., Any]:
    starting = contained(_starting)

    def start(self: Any) -> Any:
        starting(self)
        return original(self)

    return start


def _thread_bootstrap(original: Callable[..., Any]) -> Callable[..., Any]:
    begins, ends = contained(_begins), contained(_ends)

    def _bootstrap_inner(self: Any) -> Any:
        before = begins(self)
        try:
            return original(self)
        finally:
            ends(self, before)

    return _bootstrap_inner


_alive: list[Callable[..., Any]] = []


def _thread_is_alive(original: Callable[..., Any]) -> Callable[..., Any]:
    ended = contained(_ended)
    _alive[:] = [original]

    def is_alive(self: Any) -> Any:
        # Asked first: a thread that is about to start is not alive either.
        started = self._initialized and self._started.is_set()
        alive = original(self)
        if started and not alive:
            ended(self)
        return alive

    return is_alive


def _join_returned(thread: Any) -> None:
    if not _alive[0](thread):
        _ended(thread)


def _thread_join(original: Callable[..., Any]) -> Callable[..., Any]:
    returned = contained(_join_returned)

    def join(self: Any, timeout: float | None = None) -> Any:
        result = original(self, timeout)
        returned(self)
        return result

    return join


def _shutdown(original: Callable[..., Any]) -> Callable[..., Any]:
    def _shutdown() -> Any:
        result = original()
        _receive(_all_ended)
        return result

    return _shutdown


PATCHES = (
    replace("Lock", _lock),
    replace("RLock", _rlock),
    around("Condition.__init__", _condition_init),
    around("Condition.wait", _condition_wait),
    around("Condition.notify", _condition_notify),
    # Optional, as gevent has a compiled class in its place.
    around("Event.__init__", event_init, optional=True),
    around("Event.set", event_set, optional=True),
    around("Event.is_set", event_seen, optional=True),
    around("Event.wait", event_seen, optional=True),
    around("Semaphore.__init__", semaphore_init),
    around("Semaphore.acquire", semaphore_acquire),
    around("Semaphore.__enter__", semaphore_acquire),
    around("Semaphore.release", semaphore_release),
    around("BoundedSemaphore.release", semaphore_release),
    around("Barrier._enter", barrier_enter),
    around("Barrier._release", barrier_release),
    around("Barrier._break", barrier_break),
    around("Barrier.reset", barrier_break),
    around("Barrier.wait", barrier_wait),
    around("_make_invoke_excepthook", _make_invoke_excepthook, optional=True),
    around("Thread.start", _thread_start),
    around("Thread._bootstrap_inner", _thread_bootstrap),
    around("Thread.is_alive", _thread_is_alive),
    around("Thread.join", _thread_join),
    around("_shutdown", _shutdown, optional=True),
)
