"""Recording what happens to a lock: who, and at which place of the user's code.

``with lock`` is the hot path.  The interpreter finds ``__enter__`` on the lock's class; there it is
a slot, which hands out a closure that belongs to the lock.  That saves looking up ``self`` and
everything on it, a fifth of the whole.

Acquire is recorded after the real acquire, release before the real release.  Between the two steps
of an acquire a signal handler may raise; then the lock is given back, since the ``with`` block of
the caller will never be entered.
"""

from __future__ import annotations

import sys
from time import monotonic_ns as clock

from raceway.model import ops
from raceway.model.ops import ACQUIRE, RELEASE
from raceway.record import recorder
from raceway.record.accelerator import accelerator
from raceway.record.recorder import (
    BUFFER,
    CHUNK_ITEMS,
    DEFINITIONS,
    DEFINITIONS_KEPT,
    current,
    emit,
    flush,
    local,
    lost,
    next_lock,
    note_stack,
)
from raceway.record.recorder import define as define_in_recorder
from raceway_autopatch.internals import NOBODY

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

    Block = tuple[Callable[[], bool], Callable[..., None]]

getframe = sys._getframe
_WAITED = ops.EVENT_WAITED << ops.OP_BITS | ops.EVENT
_CALLS_FACTORIES = "raceway.watch.tracked_dict"
"""Calls the factory of a defaultdict in the name of the program."""


def note_caller(state: recorder.State, frame: FrameType) -> None:
    """Note the stack above ``frame`` if it is not the one that ``state`` was last seen under."""
    try:
        back = frame.f_back
        if back is None:
            if state.offset != -1:
                note_stack(state, None)
        elif back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        else:
            above = back.f_back
            if above is not None and (
                above.f_code is not state.above or above.f_lasti != state.above_offset
            ):
                note_stack(state, back)
    except BaseException as error:
        lost("call stack", error)


def user_site(depth: int = 2) -> tuple[recorder.State, CodeType, int]:
    """Return who runs, and where the user's code called the library that called us.

    Args:
        depth: Frames up from here where to begin to look.
    """
    state = current()
    frame = recorder.user_frame(depth + 1)
    note_caller(state, frame)
    return state, frame.f_code, frame.f_lasti


def record(op: int, lock: int, depth: int = 2) -> None:
    """Record what happens to a lock; its site is the nearest frame of the user's.

    Args:
        op: ACQUIRE, RELEASE, WAIT_RELEASE ...
        lock: Serial number.
        depth: Frames up from here where to begin to look for the user's code.
    """
    try:
        state, code, offset = user_site(depth + 1)
        emit((state.tok, lock << ops.OP_BITS | op, code, offset))
        state.tok += 1
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
    except BaseException as error:
        lost("lock", error)


def define(kind: str, frame: FrameType) -> int:
    """Give a new lock its serial number; its name is read from the code that made it.

    Args:
        kind: ``Lock``, ``RLock``, ``Condition``, ``Semaphore``.
        frame: Where it is made.
    """
    serial = next_lock()
    try:
        while frame.f_globals.get("__name__") == _CALLS_FACTORIES and frame.f_back is not None:
            frame = frame.f_back
        define_in_recorder((ops.DEF_LOCK, serial, kind, "", frame.f_code, frame.f_lasti))
        if len(DEFINITIONS) > DEFINITIONS_KEPT:  # as define_one_more()
            flush()
    except BaseException as error:
        lost("lock", error)
    return serial


def wait_for(acquire: Callable[[], bool], release: Callable[[], None], lock: int) -> None:
    """Acquire a lock that somebody else has, and record how long that took.

    What is recorded stands before the acquisition, whose op the caller records.

    Args:
        acquire: Of the real lock.
        release: Of the real lock.
        lock: Serial number.
    """
    begun = clock()
    acquire()
    try:
        emit((current().tok, _WAITED, None, (lock, clock() - begun)))
    except BaseException as error:
        try:
            lost("lock", error)
        except BaseException:
            release()  # a signal handler of the program: nobody would do it after us
            raise


# ---------------------------------------------------------------- the hot path

_condition_enter: CodeType | None = None
_condition_exit: CodeType | None = None


def skip_frames_of(condition: type) -> None:
    """Let the callers of ``with condition`` be the site, not the methods that pass it on."""
    global _condition_enter, _condition_exit
    _condition_enter = getattr(condition.__enter__, "__code__", None)  # type: ignore[attr-defined]
    _condition_exit = getattr(condition.__exit__, "__code__", None)  # type: ignore[attr-defined]
    if accelerator is not None:
        accelerator.pass_over(_condition_enter, _condition_exit)


_alive: Any = True
"""None when the interpreter has torn this module down."""


def _unknown(error: Exception, up: int) -> tuple[recorder.State, FrameType]:
    """Return the state and the frame for a block that failed to find one of them itself.

    Args:
        error: What that raised: a thread that was never seen has no state, and where C code calls
            at the bottom of a thread there is no frame.
        up: Frames from the block up to its caller.

    Raises:
        Exception: A signal handler of the program has raised the same kind of error.
    """
    if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
        raise error
    try:
        frame = getframe(up + 1)
    except ValueError:
        frame = NOBODY
    return current(), frame


def make_block(  # noqa: PLR0915 - written out twice, each call inside would cost a tenth
    acquire: Any, release: Any, held: Any, subject: int, begun: list[Any], up: int = 1
) -> Block:
    """Return ``__enter__`` and ``__exit__`` of one lock.

    Only what differs from lock to lock is a closure cell: each is copied at every call.  The rest
    is global, and None when the interpreter has torn this module down around a daemon thread or a
    finaliser; then nothing is recorded any more.

    Args:
        acquire: Of the real lock.
        release: Of the real lock.
        held: Whether a release will succeed.
        subject: Serial number, shifted.
        begun: Under which caller the section was begun, code and offset: ``[None, -2]``, shared by
            all that acquires and releases this lock.
        up: Frames up to who acquires: 2 for what a method calls.
    """
    acquired, released = subject | ACQUIRE, subject | RELEASE
    if accelerator is not None:
        block: Block = accelerator.make_block(acquire, release, held, acquired, released)
        return block

    def enter() -> bool:  # noqa: PLR0912 - as above
        if not acquire(False):
            if _alive:
                wait_for(acquire, release, acquired >> ops.OP_BITS)
            else:
                acquire()
        recorded = False
        try:
            try:
                state = local.s
                frame: Any = getframe(up)
            except (AttributeError, ValueError) as failure:
                if not _alive:
                    return True
                state, frame = _unknown(failure, up)
            code = frame.f_code
            if code is _condition_enter:
                frame = frame.f_back or frame
                code = frame.f_code
            back = frame.f_back
            if back is None:
                if state.offset != -1:
                    note_stack(state, None)
            elif back.f_code is not state.caller or back.f_lasti != state.offset:
                note_stack(state, back)
            else:
                # A helper that locks may be called from elsewhere through the same line.
                above = back.f_back
                if above is not None and (
                    above.f_code is not state.above or above.f_lasti != state.above_offset
                ):
                    note_stack(state, back)
            begun[0] = state.caller
            begun[1] = state.offset
            token = state.tok
            recorded = True
            emit((token, acquired, code, frame.f_lasti))
            state.tok = token + 1
        except BaseException as error:
            try:
                lost("lock", error)
            except BaseException:
                if recorded:
                    emit((state.tok, acquired ^ ACQUIRE ^ RELEASE, None, None))
                    state.tok += 1
                release()
                raise
        return True

    def leave(kind: Any = None, error: Any = None, trace: Any = None, *more: Any) -> None:
        try:
            if held():
                try:
                    state = local.s
                    frame: Any = getframe(up)
                except (AttributeError, ValueError) as failure:
                    if not _alive:
                        release()
                        return
                    state, frame = _unknown(failure, up)
                code = frame.f_code
                if code is _condition_exit:
                    frame = frame.f_back or frame
                    code = frame.f_code
                # As it was at the beginning of the block: then nobody has come from elsewhere.
                if state.caller is not begun[0] or state.offset != begun[1]:
                    note_caller(state, frame)
                token = state.tok
                emit((token, released, code, frame.f_lasti))
                state.tok = token + 1
        except BaseException as failure:
            try:
                lost("lock", failure)
            except BaseException:
                release()  # a signal handler of the program: nobody would do it after us
                raise
        release()
        if len(BUFFER) > CHUNK_ITEMS:
            flush()

    return enter, leave
