"""Which of its historical forms a call of the client has: pure functions of the arguments.

Decided by the types and the look of the arguments, as documented at the client's methods.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from raceway.pipeline import events

if TYPE_CHECKING:
    from raceway.pipeline.callsite import CallSite

_LOCATION = re.compile(r":\d+\s*$")
_DAY = 86400.0
"""Seconds: the most that the lock of every platform can wait."""


def function_call(
    module: object, args: object, file: object, duration_ns: object
) -> tuple[object, object, object]:
    """Return module, arguments and duration of ``track_function_call``.

    Args:
        module: The second argument: the module, or what the function was called with.
        args: The third one: what it was called with, or its duration.
        file: The source file, if the call names one.
        duration_ns: The duration, if the call names it.

    Example:
        >>> function_call("shop", {"n": 1}, None, None)
        ('shop', {'n': 1}, None)
        >>> function_call({"n": 1}, 250, None, None), function_call(None, 250, None, None)
        ((None, {'n': 1}, 250), (None, None, 250))
    """
    if module is None:
        if file is None and duration_ns is None and _is_whole(args):
            return None, None, args
    elif not isinstance(module, str) and (args is None or _is_whole(args)):
        return None, module, args if duration_ns is None else duration_ns
    return module, args, duration_ns


def lock_release(location: object, lock_type: object) -> tuple[Any, Any]:
    """Return location and lock type of ``track_lock_release``, in whichever order they came.

    Args:
        location: The second argument.
        lock_type: The third one.

    Example:
        >>> lock_release("RWLock", None), lock_release("Lock", "app.py:7")
        ((None, 'RWLock'), ('app.py:7', 'Lock'))
    """
    if location is not None and not _looks_like_location(location):
        if lock_type is None:
            return None, location
        if _looks_like_location(lock_type):
            return lock_type, location
    return location, lock_type


def line(site: CallSite, file: object, given: object) -> object:
    """Return the line of a function: the caller's number means nothing in another file.

    Args:
        site: The caller.
        file: The source file, if the call names one.
        given: The line, if the call names it.
    """
    if given is not None:
        return given
    return site.line if file is None else 0


def duration(value: object) -> int | None:
    """Return a duration as a whole number, or None if there is none."""
    return None if value is None else events.unsigned(value)


def timeout(value: object, default: float) -> float:
    """Return a time to wait in seconds, from 0 to a day.

    Args:
        value: What was passed.
        default: For what is no number.

    Example:
        >>> timeout(float("nan"), 5.0), timeout(None, 5.0), timeout(10**9, 5.0)
        (0.0, 5.0, 86400.0)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    return min(max(0.0, float(value)), _DAY)  # NaN becomes 0: the order of the arguments matters


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _looks_like_location(value: object) -> bool:
    if not isinstance(value, str):
        return False
    return "/" in value or "\\" in value or _LOCATION.search(value) is not None
