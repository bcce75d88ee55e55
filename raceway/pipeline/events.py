"""The events of the wire protocol: pure functions from whatever a caller passed to wire form.

A Raceway server refuses a whole batch for one field of the wrong type. So each field is coerced
here, and nothing that these functions return is refused: ids are UUIDs, numbers are unsigned and
whole, maps are text to text, and every key that the server demands is there.
"""

from __future__ import annotations

import math
import os
import re
import time
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from raceway import values
from raceway.context import U64_MAX, new_span_id, new_trace_id
from raceway.redaction import REDACTED

if TYPE_CHECKING:
    from raceway.redaction import Hides

U16_MAX = 2**16 - 1
U32_MAX = 2**32 - 1

ACCESS_TYPES = ("Read", "Write", "AtomicRead", "AtomicWrite", "AtomicRMW")
ORDERINGS = ("Relaxed", "Acquire", "Release", "AcqRel", "SeqCst")
# Kinds after which the next event of the actor has something new to hang under.
SYNCHRONISING = frozenset(
    {"HttpRequest", "HttpResponse", "AsyncSpawn", "AsyncAwait", "MemoryFence"}
)

_NAMESPACE = "7d0b2f0e-5c0c-5d7e-9a3e-3f6a1c9b8e42"  # of task and future ids that are not UUIDs
_MAX_HEADERS = 100
_MAX_HEADER_VALUE = 1024
_MAX_FRAMES = 200
_SECRET_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-raceway-key",
    }
)
_USER = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/?#@]*@", re.IGNORECASE)
_PARAMETER = re.compile(r"([?&;#][^=&;#]*=)[^&;#]*")
_EXACT = frozenset(ACCESS_TYPES)
_ACCESS = {name.lower(): name for name in ACCESS_TYPES}
_ORDERING = {name.lower(): name for name in ORDERINGS}

Kind = dict[str, dict[str, Any]]


# --- fields -----------------------------------------------------------------------------------


def unsigned(value: Any, limit: int = U64_MAX) -> int:
    """Round ``value`` up to a whole number from 0 to ``limit``; 0 if it is no number.

    Example:
        >>> unsigned(1.5), unsigned(-1), unsigned("200"), unsigned(None)
        (2, 0, 200, 0)
    """
    try:
        if type(value) is not int:
            if isinstance(value, float) and math.isinf(value):
                return limit if value > 0 else 0
            if isinstance(value, (str, bytes)):
                value = float(value[:32])
            value = math.ceil(value)  # raises for what is no number
        return min(max(int(value), 0), limit)
    except Exception:  # the caller's object may do anything
        return 0


def access_type(value: object) -> str | None:
    """Return the wire spelling of an access type, or None if ``value`` is none.

    Example:
        >>> access_type("read"), access_type("atomic_rmw"), access_type("app.py:42")
        ('Read', 'AtomicRMW', None)
    """
    if type(value) is str and value in _EXACT:
        return value
    if not isinstance(value, str):
        return None
    return _ACCESS.get(str.__str__(value).strip().lower().replace("_", ""))


def headers(value: object, hides: Hides = None) -> dict[str, str]:
    """Return HTTP headers as text to text; what identifies a user is replaced.

    Args:
        value: A mapping or pairs, of text or bytes; several values of one name are joined.
        hides: Whether what has this name is a secret, in addition to the well-known ones.

    Example:
        >>> headers({"Accept": ["a", "b"], "Cookie": "id=1", "X-Count": 3})
        {'Accept': 'a, b', 'Cookie': '<redacted>', 'X-Count': '3'}
    """
    result: dict[str, str] = {}
    try:
        pairs: Any = value.items() if hasattr(value, "items") else value
        for name, content in pairs or ():
            key = _header(name)
            if key in result:
                result[key] = f"{result[key]}, {_header(content)}"[:_MAX_HEADER_VALUE]
            elif len(result) < _MAX_HEADERS:
                result[key] = _header(content)
            if key.lower() in _SECRET_HEADERS or (hides is not None and hides(key)):
                result[key] = REDACTED
    except Exception:  # not headers at all: what was understood so far is all there is
        return result
    return result


def address(url: object, hides: Hides = None) -> str:
    """Return a URL without the password and the secret parameters that are in it.

    Example:
        >>> from raceway.redaction import hides
        >>> address("http://ann:s3cret@host/a?token=7&b=1", hides(["token"]))
        'http://<redacted>@host/a?token=<redacted>&b=1'
    """
    text = _USER.sub(rf"\1{REDACTED}@", values.text(url))
    if hides is None or "=" not in text:
        return text
    return _PARAMETER.sub(
        lambda found: found[1] + REDACTED if hides(unquote(found[1])) else found[0], text
    )


def _header(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    elif isinstance(value, (list, tuple)):
        value = ", ".join(_header(item) for item in value)
    return values.text(value, _MAX_HEADER_VALUE)


def stack(value: object) -> list[str]:
    r"""Return a stack trace as a list of text.

    Args:
        value: Text (split into lines), a list, a traceback, an exception, or None.

    Example:
        >>> stack("a\nb"), stack(["app.py:1", 2]), stack(None)
        (['a', 'b'], ['app.py:1', '2'], [])
    """
    try:
        if value is None:
            return []
        if isinstance(value, str):
            lines = str.__str__(value)[: _MAX_FRAMES * 1024].splitlines()
            return [values.text(line, 1024) for line in lines[:_MAX_FRAMES]]
        if isinstance(value, BaseException):
            value = value.__traceback__
            if value is None:
                return []
        if hasattr(value, "tb_next"):
            return _frames(value)
        if isinstance(value, (list, tuple)):
            return [_frame(item) for item in list(value)[:_MAX_FRAMES]]
        return [values.text(value, 1024)]
    except Exception:  # as in unsigned()
        return []


def _frame(item: Any) -> str:
    if hasattr(item, "filename") and hasattr(item, "lineno"):  # traceback.FrameSummary
        return values.text(f"{item.filename}:{item.lineno}", 1024)
    return values.text(item, 1024)


def _frames(traceback: Any) -> list[str]:
    result: list[str] = []
    while traceback is not None and len(result) < _MAX_FRAMES:
        code = traceback.tb_frame.f_code
        result.append(values.text(f"{code.co_filename}:{traceback.tb_lineno}", 1024))
        traceback = traceback.tb_next
    return result


def uuid_of(value: object, instance: str) -> str:
    """Return ``value`` if it is a UUID, else a UUID that stands for it on this instance.

    The same id gives the same UUID each time, so that a spawn and the await of it meet.

    Args:
        value: A task or future id.
        instance: Instance id, because ids such as ``task-1`` repeat in every process.

    Example:
        >>> uuid_of("C1A7B0DE-55AA-4D0E-9F63-2F1E8F0B7A11", "web-1")
        'c1a7b0de-55aa-4d0e-9f63-2f1e8f0b7a11'
        >>> uuid_of("task-123", "web-1") == uuid_of("task-123", "web-1")
        True
    """
    import uuid  # late: few programs name tasks by hand

    raw = values.text(value, 1024)
    try:
        return str(uuid.UUID(raw))
    except ValueError:
        return str(uuid.uuid5(uuid.UUID(_NAMESPACE), f"{instance}/{raw}"))


# --- kinds ------------------------------------------------------------------------------------


def function_call(
    function_name: object, module: object, args: object, file: object, line: object
) -> Kind:
    """Build a FunctionCall; ``args`` are captured already."""
    return {
        "FunctionCall": {
            "function_name": values.text(function_name),
            "module": values.text(module),
            "args": args,
            "file": values.text(file),
            "line": unsigned(line, U32_MAX),
        }
    }


def function_return(
    function_name: object, module: object, return_value: object, file: object, line: object
) -> Kind:
    """Build a FunctionReturn; the value is captured already. In the *full* dialect only."""
    return {
        "FunctionReturn": {
            "function_name": values.text(function_name),
            "module": values.text(module),
            "return_value": return_value,
            "file": values.text(file),
            "line": unsigned(line, U32_MAX),
        }
    }


def state_change(
    variable: object, old_value: object, new_value: object, location: object, access: object
) -> Kind:
    """Build a StateChange; the values are captured already. An unknown access is a Write."""
    return {
        "StateChange": {
            "variable": values.text(variable),
            "old_value": old_value,
            "new_value": new_value,
            "location": values.text(location),
            "access_type": access_type(access) or "Write",
        }
    }


def lock_acquire(lock_id: object, lock_type: object, location: object) -> Kind:
    """Build a LockAcquire."""
    return {"LockAcquire": _lock(lock_id, lock_type, location)}


def lock_release(lock_id: object, lock_type: object, location: object) -> Kind:
    """Build a LockRelease."""
    return {"LockRelease": _lock(lock_id, lock_type, location)}


def _lock(lock_id: object, lock_type: object, location: object) -> dict[str, Any]:
    return {
        "lock_id": values.text(lock_id),
        "lock_type": values.text(lock_type),
        "location": values.text(location),
    }


def async_spawn(task_id: object, location: object, instance: str) -> Kind:
    """Build an AsyncSpawn."""
    return {
        "AsyncSpawn": {
            "task_id": uuid_of(task_id, instance),
            "spawned_by": values.text(location),
        }
    }


def async_await(future_id: object, location: object, instance: str) -> Kind:
    """Build an AsyncAwait."""
    return {
        "AsyncAwait": {
            "future_id": uuid_of(future_id, instance),
            "awaited_at": values.text(location),
        }
    }


def http_request(
    method: object, url: object, header_map: object, body: object, hides: Hides = None
) -> Kind:
    """Build an HttpRequest; the body is captured already."""
    return {
        "HttpRequest": {
            "method": values.text(method),
            "url": address(url, hides),
            "headers": headers(header_map, hides),
            "body": body,
        }
    }


def http_response(
    status: object, header_map: object, body: object, duration_ms: object, hides: Hides = None
) -> Kind:
    """Build an HttpResponse; the body is captured already. The duration is rounded up."""
    return {
        "HttpResponse": {
            "status": unsigned(status, U16_MAX),
            "headers": headers(header_map, hides),
            "body": body,
            "duration_ms": unsigned(duration_ms),
        }
    }


def error(error_type: object, message: object, stack_trace: object) -> Kind:
    """Build an Error."""
    name = error_type.__name__ if isinstance(error_type, type) else error_type
    return {
        "Error": {
            "error_type": values.text(name),
            "message": values.text(message, 16 * 1024),
            "stack_trace": stack(stack_trace),
        }
    }


def memory_fence(ordering: object, location: object) -> Kind:
    """Build a MemoryFence; an unknown ordering is the strongest."""
    known = _ORDERING.get(values.text(ordering).strip().lower().replace("_", ""), "SeqCst")
    return {"MemoryFence": {"ordering": known, "location": values.text(location)}}


def database_query(query: object, database: object, duration_ms: object) -> Kind:
    """Build a DatabaseQuery."""
    return {
        "DatabaseQuery": {
            "query": values.text(query, 16 * 1024),
            "database": values.text(database),
            "duration_ms": unsigned(duration_ms),
        }
    }


def database_result(rows_affected: object) -> Kind:
    """Build a DatabaseResult."""
    return {"DatabaseResult": {"rows_affected": unsigned(rows_affected)}}


def custom(name: object, data: object) -> Kind:
    """Build a Custom event; ``data`` is captured already."""
    return {"Custom": {"name": values.text(name), "data": data}}


# --- ids and times ----------------------------------------------------------------------------


class _Numbers:
    """UUIDs of version 4 as numbers: a counter with a start that is random in each process."""

    __slots__ = ("next",)

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin a series that no other process has."""
        # The counter has 61 bits below those of the version and the variant, and never fills them.
        first = int(new_trace_id().replace("-", ""), 16) & ~(1 << 61)
        self.next = count(first).__next__


numbers = _Numbers()
"""``numbers.next()`` is the number of a new event, which no other event of any process has."""

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=numbers.begin)


class Ids:
    """Ids for what is new: no other process has them."""

    def event(self) -> str:
        """Return the id of a new event."""
        return event_id(numbers.next())

    def trace(self) -> str:
        """Return the id of a new trace."""
        return new_trace_id()

    def span(self) -> str:
        """Return the id of a new span."""
        return new_span_id()


NEW_IDS = Ids()


def event_id(number: int) -> str:
    """Write the number of an event as the UUID that the server knows it by.

    Example:
        >>> event_id(0x7c9e6679_7425_40de_944b_e07fc1f90ae7)
        '7c9e6679-7425-40de-944b-e07fc1f90ae7'
    """
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_second: tuple[int, str] = (-1, "")


def timestamp(time_ns: int) -> str:
    """Return a time as RFC 3339 text in UTC, to the microsecond.

    Args:
        time_ns: Nanoseconds since the epoch.

    Example:
        >>> timestamp(1_000_000_001_500_000_000)
        '2001-09-09T01:46:41.500000+00:00'

    Source: RFC 3339, section 5.6.
    """
    global _second  # noqa: PLW0603 - a cache of one entry, replaced as a whole
    now, fraction = divmod(time_ns, 1_000_000_000)
    second, prefix = _second
    if second != now:
        prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        _second = (now, prefix)
    return f"{prefix}.{fraction // 1000:06d}+00:00"
