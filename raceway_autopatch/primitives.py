"""What events, semaphores and barriers promise, as the threading patch records it.

What is known about an object is kept in its ``__dict__`` under :data:`TRACE`; what the standard
library makes for itself (the event in a thread, the semaphore in an executor) has None there.
"""

from __future__ import annotations

import itertools
import sys

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.internals import caller, is_internal
from raceway_autopatch.lock_ops import define, record
from raceway_autopatch.patching import contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

TRACE = "_raceway"


def thread_group() -> int:
    """Return the group of a thread that is started here: 0 for one of its own.

    After ``gevent.monkey.patch_all()`` a thread is a greenlet that passes for one, and takes turns
    with the others of the thread that starts it.
    """
    # Another thread may be in the middle of importing it.
    is_patched = getattr(sys.modules.get("gevent.monkey"), "is_module_patched", None)
    if is_patched is None or not is_patched("threading"):
        return 0
    return recorder.thread_state().group


# ---------------------------------------------------------------- Event


class _Flag:
    """What is known about an event: how often it was set, and who has seen that."""

    __slots__ = ("channel", "seen", "sets")

    def __init__(self) -> None:
        self.channel = recorder.next_channel()
        self.sets = 0
        self.seen = (0, 0)


def _flag_of(event: Any) -> _Flag | None:
    flag: _Flag | None
    try:
        flag = event.__dict__[TRACE]
    except KeyError:  # made before it could be seen by whom: then it is a user's
        flag = event.__dict__.setdefault(TRACE, _Flag())
    return flag


def _event_made(event: Any, frame: FrameType) -> None:
    event.__dict__[TRACE] = None if is_internal(frame.f_globals) else _Flag()


def _event_set(event: Any) -> None:
    flag = _flag_of(event)
    if flag is not None:
        recorder.sync(ops.SEND, flag.channel)
        flag.sets += 1  # after the op: who reads the new count is ordered after it


def _event_seen(event: Any) -> None:
    flag = _flag_of(event)
    if flag is not None:
        # A loop that runs while an event is set asks a thousand times for the same news.
        seen = (recorder.current().actor, flag.sets)
        if seen != flag.seen:
            recorder.sync(ops.RECEIVE, flag.channel)
            flag.seen = seen


def watch_event(event: Any) -> None:
    """Follow an event that a module of the library made, but whose order it promises."""
    event.__dict__[TRACE] = _Flag()


def _only_of_threading(original: Any) -> None:
    """Leave a class alone that somebody else has put in the place of the standard library's.

    Raises:
        TypeError: The patch, which is optional, is not applied.
    """
    if getattr(original, "__module__", None) != "threading":
        message = f"{original!r} is not of the standard library"
        raise TypeError(message)


def event_init(original: Callable[..., None]) -> Callable[..., None]:
    """Wrap ``Event.__init__``: by whom it is made decides whether it is watched."""
    _only_of_threading(original)
    made = contained(_event_made)

    def __init__(self: Any) -> None:  # noqa: N807 - it becomes the method
        original(self)
        made(self, caller())

    return __init__


def event_set(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``Event.set``."""
    _only_of_threading(original)
    before = contained(_event_set)

    def set(self: Any) -> Any:  # noqa: A001 - it becomes the method
        before(self)
        return original(self)

    return set


def event_seen(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``Event.is_set`` and ``Event.wait``: True is news of every set() so far."""
    _only_of_threading(original)
    seen = contained(_event_seen)

    def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = original(self, *args, **kwargs)
        if value:
            seen(self)
        return value

    return wait


# ---------------------------------------------------------------- Semaphore


class Permits:
    """What is known about a semaphore that is no mutex, or about the room in a queue.

    The first acquires live on the initial permits; after those, the n-th acquire is ordered after
    the n-th release.  That is all that a semaphore promises: in a limiter for two threads, the two
    inside are concurrent with each other.  When operations overlap, their order inside the
    semaphore cannot be told from outside, and the acquire is ordered after all releases so far.
    """

    __slots__ = ("acquires", "channel", "initial", "inside", "last", "serials", "waiting")

    def __init__(self, initial: int) -> None:
        self.channel = recorder.next_channel()
        self.initial = initial
        self.acquires = itertools.count().__next__
        self.serials = itertools.count(1).__next__
        self.last = 0
        self.inside: list[int] = []
        self.waiting: list[int] = []
        """The channels of releases that no acquire has used."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Begin anew in a copy: the iterators cannot be copied."""
        return type(self), (self.initial,)

    def enter(self) -> tuple[int, bool]:
        """Note that an operation begins; return its number, and whether it is alone."""
        self.last = serial = self.serials()
        self.inside.append(serial)
        return serial, len(self.inside) == 1

    def leave(self) -> None:
        """Note that an operation has ended."""
        self.inside.pop()

    def released(self, count: int) -> int:
        """Record a release that is about to happen; return its channel."""
        channel = recorder.next_channel()
        recorder.sync(ops.SEND, channel)
        recorder.sync(ops.SEND, self.channel)
        self.waiting.extend([channel] * count)
        return channel

    def not_released(self, channel: int) -> None:
        """Forget a release that failed; what was sent does no harm."""
        if channel in self.waiting:
            self.waiting.remove(channel)

    def acquired(self, serial: int, *, alone: bool) -> None:
        """Record an acquire that has happened."""
        if self.acquires() < self.initial:
            return
        try:
            channel = self.waiting.pop(0)
        except IndexError:
            channel = self.channel
        if not alone or self.last != serial:
            channel = self.channel
        recorder.sync(ops.RECEIVE, channel)


def _semaphore_made(semaphore: Any, frame: FrameType | None, value: int) -> None:
    bounded = sys.modules["threading"].BoundedSemaphore.__init__.__code__
    while frame is not None and frame.f_code is bounded:
        frame = frame.f_back
    trace: Any = None
    if frame is not None and not is_internal(frame.f_globals):
        trace = define("Semaphore", frame) if value == 1 else Permits(value)
    semaphore.__dict__[TRACE] = trace


def _semaphore_acquired(lock: int, blocking: Any, timeout: Any) -> None:
    record(ops.ACQUIRE if blocking and timeout is None else ops.TRY_ACQUIRE, lock)


def _semaphore_releasing(semaphore: Any, lock: int, count: int) -> None:
    free = semaphore._value
    if not free:
        record(ops.RELEASE, lock)
    if free + count > 1:
        # There will be two permits: no mutex from now on, if it ever was meant as one.
        semaphore.__dict__[TRACE] = permits = Permits(free)
        permits.released(count)


def _will_release(semaphore: Any, count: Any) -> bool:
    limit = semaphore.__dict__.get("_initial_value")
    return type(count) is int and count > 0 and (limit is None or semaphore._value + count <= limit)


def semaphore_init(original: Callable[..., None]) -> Callable[..., None]:
    """Wrap ``Semaphore.__init__``: one permit makes a mutex, until there are two."""
    made = contained(_semaphore_made)

    def __init__(self: Any, value: int = 1) -> None:  # noqa: N807 - it becomes the method
        original(self, value)
        made(self, caller(), value)

    return __init__


def semaphore_acquire(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``Semaphore.acquire``, which is its ``__enter__`` as well."""
    acquired, permitted = contained(_semaphore_acquired), contained(Permits.acquired)
    enter, leave = contained(Permits.enter), contained(Permits.leave)

    def acquire(self: Any, blocking: Any = True, timeout: Any = None) -> Any:
        trace = self.__dict__.get(TRACE)
        if trace is None:
            return original(self, blocking, timeout)
        if type(trace) is int:
            got = original(self, blocking, timeout)
            if got:
                now = self.__dict__[TRACE]  # it may have ceased to be a mutex meanwhile
                if now is trace:
                    acquired(trace, blocking, timeout)
                else:
                    permitted(now, 0, alone=False)
            return got
        serial, alone = enter(trace) or (0, False)
        try:
            got = original(self, blocking, timeout)
            if got:
                permitted(trace, serial, alone=alone)
        finally:
            leave(trace)
        return got

    return acquire


def semaphore_release(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``release`` of both classes; neither calls the other's."""
    releasing, permitting = contained(_semaphore_releasing), contained(Permits.released)
    enter, leave = contained(Permits.enter), contained(Permits.leave)
    will_release = contained(_will_release)

    def release(self: Any, n: int = 1) -> Any:
        trace = self.__dict__.get(TRACE)
        if trace is None or not will_release(self, n):
            return original(self, n)
        if type(trace) is int:
            releasing(self, trace, n)
            return original(self, n)
        enter(trace)
        try:
            permitting(trace, n)
            return original(self, n)
        finally:
            leave(trace)

    return release


# ---------------------------------------------------------------- Barrier


class _Rounds:
    """The rounds of a barrier: a channel for each, so that round 2 cannot order round 1.

    The methods run while the barrier's own lock is held.
    """

    __slots__ = ("broken", "channel", "inside")

    def __init__(self) -> None:
        self.broken = recorder.next_channel()
        """From who has broken the barrier to those who are told."""
        self.channel = 0
        self.inside: dict[int, int] = {}
        """By actor: the channel of the round that it waits in."""


def _rounds_of(barrier: Any) -> _Rounds:
    rounds: _Rounds = barrier.__dict__.setdefault(TRACE, None) or _Rounds()
    barrier.__dict__[TRACE] = rounds
    return rounds


def _barrier_entered(barrier: Any) -> None:
    rounds = _rounds_of(barrier)
    if barrier._count == 0:  # the first of a round
        rounds.channel = recorder.next_channel()
    rounds.inside[recorder.current().actor] = rounds.channel
    recorder.sync(ops.SEND, rounds.channel)


def _barrier_full(barrier: Any) -> None:
    recorder.sync(ops.RECEIVE, _rounds_of(barrier).channel)


def _barrier_action_done(barrier: Any) -> None:
    recorder.sync(ops.SEND, _rounds_of(barrier).channel)


def _barrier_breaks(barrier: Any) -> None:
    if not barrier.broken:
        recorder.sync(ops.HANDOFF, _rounds_of(barrier).broken)


def _barrier_failed(barrier: Any, error: BaseException) -> None:
    if type(error) is sys.modules["threading"].BrokenBarrierError:
        recorder.sync(ops.RECEIVE, _rounds_of(barrier).broken)


def _barrier_left(barrier: Any) -> int:
    return _rounds_of(barrier).inside.pop(recorder.current().actor, 0)


def barrier_enter(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``Barrier._enter``: who returns from it belongs to the round that is filling."""
    entered = contained(_barrier_entered)

    def _enter(self: Any) -> Any:
        result = original(self)
        entered(self)
        return result

    return _enter


def barrier_release(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``Barrier._release``: the last to come runs the action, after all have come."""
    full, done = contained(_barrier_full), contained(_barrier_action_done)

    def _release(self: Any) -> Any:
        full(self)
        result = original(self)
        done(self)
        return result

    return _release


def barrier_break(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``Barrier._break`` and ``reset``: those who wait fail because of it."""
    breaks = contained(_barrier_breaks)

    def breaking(self: Any) -> Any:
        breaks(self)
        return original(self)

    return breaking


def barrier_wait(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``Barrier.wait``: who passes has seen all who came, who fails only what broke it."""
    left, failed = contained(_barrier_left), contained(_barrier_failed)
    passed = contained(lambda channel: recorder.sync(ops.RECEIVE, channel), "barrier passed")

    def wait(self: Any, timeout: float | None = None) -> Any:
        channel = 0
        try:
            result = original(self, timeout)
        except BaseException as error:
            failed(self, error)
            raise
        finally:
            channel = left(self)
        if channel:
            passed(channel)
        return result

    return wait
