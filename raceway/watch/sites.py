"""Who accesses, and from where: the way that is taken when it is not inlined.

The functions that are called most look state and frame up themselves.  All others, and every
unusual case of those, come here.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record.recorder import (
    BUFFER,
    CHUNK_ITEMS,
    current,
    emit,
    flush,
    is_ours,
    local,
    lost,
    nobody,
    note_stack,
)

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

    from raceway.record.recorder import State

_getframe = sys._getframe
_PASSED_OVER = frozenset(
    {
        "raceway.watch." + name
        for name in (
            "adoption", "attributes", "containers", "plans", "proxy", "shared", "sites",
            "tracked_deque", "tracked_dict", "tracked_list", "tracked_set", "twins", "views",
        )
    }
    | {"collections", "copy", "dataclasses", "json", "json.encoder", "pickle", "reprlib"}
)  # fmt: skip
"""Modules that access a container in the name of whoever called them."""


def unknown() -> tuple[State, FrameType]:
    """Return the state and the frame for a caller that failed to find one of them itself.

    A thread that was never seen has no state yet; a method that is itself the start of a thread
    has no caller.  A signal handler of the program may have raised the same kind of error.
    """
    error = sys.exc_info()[1]
    if error is not None and error.__traceback__ is not None and error.__traceback__.tb_next:
        raise error  # from further down than the line that failed: not from what it looks up
    state = current()
    frame = _getframe(1)
    return state, frame.f_back or frame


def no_item() -> int:
    """Return 0, for a key that failed when it was looked up.

    What fails the same way in the operation itself may be passed over.  What a signal handler of
    the program has raised in the middle will not come again.
    """
    error = sys.exc_info()[1]
    if error is not None and not is_ours(error):
        raise error
    return 0


def where() -> tuple[State, CodeType, int]:
    """Return who runs, and the code and offset of the nearest frame that acts for itself."""
    frame = first = _getframe(1)
    try:
        try:
            state: State = local.s
        except AttributeError:
            state = current()
        while frame.f_globals.get("__name__") in _PASSED_OVER:
            back = frame.f_back
            if back is None:
                frame = first
                break
            frame = back
        caller = frame.f_back
        if caller is None or caller.f_code is not state.caller or caller.f_lasti != state.offset:
            note_stack(state, caller)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
    except BaseException as error:
        lost("access", error)
        state = nobody
    return state, frame.f_code, frame.f_lasti


def value_record(token: int, subject: int, value: Any) -> tuple[Any, ...]:
    """Return the annotation that says what was written.

    Args:
        token: Token of the write.
        subject: Variable, shifted to its place in an op.
        value: What was written.
    """
    try:
        kind = type(value)
        if kind is int or value is None or kind is float or kind is bool:
            return (token, subject | ops.VALUE, None, value)
        if kind is str:
            return (token, subject | ops.VALUE, None, value[: ops.TEXT_LIMIT])
        return (token, subject | ops.VALUE, kind, None)
    except BaseException as error:
        lost("value", error)
        return ()


def record(subject: int, op: int) -> None:
    """Record one access that is about to happen; nothing when the subject is 0."""
    try:
        if subject:
            state, code, offset = where()
            emit((state.tok, subject | op, code, offset))
    except BaseException as error:
        lost("access", error)


def record_two(first: int, second: int) -> None:
    """Record two accesses that are one step of CPython; a 0 is left out.

    Args:
        first: Subject and op in one number.
        second: Subject and op in one number.
    """
    try:
        if first and second:
            state, code, offset = where()
            token = state.tok
            emit((token, first, code, offset, token, second, code, offset))
        elif first or second:
            record(first or second, 0)
    except BaseException as error:
        lost("access", error)
