"""The events of the wire as types: what is decoded is checked, in one pass.

One event that is wrong is refused by itself, with the reason and the path of the field, whatever
else is in its batch.  What is free in form (values, arguments, bodies) is checked to be JSON and
stays as it was sent.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Final, Literal

import msgspec

MAX_INTEGER: Final = 2**63 - 1
MAX_EVENT: Final = 2 * 1024 * 1024
"""Bytes of one event."""
MAX_EVENTS: Final = 65_536
"""Events of one batch; more that are right do not fit into the largest body."""

U16 = Annotated[int, msgspec.Meta(ge=0, le=2**16 - 1)]
U32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
U64 = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
AccessType = Literal["Read", "Write", "AtomicRead", "AtomicWrite", "AtomicRMW"]

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST: Final = 2**63 // 1_000_000_000 - 86400
"""Seconds since the epoch whose nanoseconds a database can hold."""
_SECONDS_KEPT: Final = 4096
_METADATA_KEPT: Final = 4096
_METADATA_SHARED: Final = 1024
"""Bytes of metadata, at most, that are looked for among the latest."""
_TAKEN_OUT: Final[dict[str, msgspec.Raw]] = {}
_seconds: dict[tuple[str, str], int] = {}
_utc_seconds: dict[str, int] = {}
_metadata: dict[bytes, Metadata] = {}


def _null() -> msgspec.Raw:
    return msgspec.Raw(b"null")


class FunctionCall(msgspec.Struct, gc=False):
    """A function was entered."""

    function_name: str
    module: str
    args: msgspec.Raw
    file: str
    line: U32


class FunctionReturn(msgspec.Struct, gc=False):
    """A function has returned: of the full dialect, upstream has no such kind."""

    function_name: str
    module: str
    return_value: msgspec.Raw
    file: str
    line: U32


class StateChange(msgspec.Struct, gc=False):
    """A variable was read or written."""

    variable: str
    new_value: msgspec.Raw
    location: str
    access_type: AccessType
    old_value: msgspec.Raw = msgspec.field(default_factory=_null)


class LockEvent(msgspec.Struct, gc=False):
    """A lock was acquired or released."""

    lock_id: str
    lock_type: str
    location: str


class AsyncSpawn(msgspec.Struct, gc=False):
    """A task was started."""

    task_id: str
    spawned_by: str


class AsyncAwait(msgspec.Struct, gc=False):
    """A task was waited for."""

    future_id: str
    awaited_at: str


class HttpRequest(msgspec.Struct, gc=False):
    """A request came in or went out."""

    method: str
    url: str
    headers: dict[str, str]
    body: msgspec.Raw = msgspec.field(default_factory=_null)


class HttpResponse(msgspec.Struct, gc=False):
    """A response went out or came in."""

    status: U16
    headers: dict[str, str]
    duration_ms: U64
    body: msgspec.Raw = msgspec.field(default_factory=_null)


class Error(msgspec.Struct, gc=False):
    """Something failed."""

    error_type: str
    message: str
    stack_trace: list[str]


class MemoryFence(msgspec.Struct, gc=False):
    """A memory fence."""

    ordering: Literal["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"]
    location: str


class DatabaseQuery(msgspec.Struct, gc=False):
    """A query was sent to a database."""

    query: str
    database: str
    duration_ms: U64


class DatabaseResult(msgspec.Struct, gc=False):
    """A query has given its result."""

    rows_affected: U64


class Custom(msgspec.Struct, gc=False):
    """Anything else."""

    name: str
    data: msgspec.Raw


KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    "FunctionCall": FunctionCall,
    "FunctionReturn": FunctionReturn,
    "StateChange": StateChange,
    "LockAcquire": LockEvent,
    "LockRelease": LockEvent,
    "AsyncSpawn": AsyncSpawn,
    "AsyncAwait": AsyncAwait,
    "HttpRequest": HttpRequest,
    "HttpResponse": HttpResponse,
    "Error": Error,
    "MemoryFence": MemoryFence,
    "DatabaseQuery": DatabaseQuery,
    "DatabaseResult": DatabaseResult,
    "Custom": Custom,
}
"""The kinds of events and what each consists of."""


class Metadata(msgspec.Struct, gc=False):
    """Where an event comes from."""

    thread_id: str
    process_id: U32
    service_name: str
    environment: str
    tags: dict[str, str]
    duration_ns: U64 | None = None
    instance_id: str | None = None
    distributed_span_id: str | None = None
    upstream_span_id: str | None = None


class Event(msgspec.Struct, gc=False):
    """One event.

    Attributes:
        kind: One entry: the name of the kind, and its fields as they were sent.
    """

    id: str
    trace_id: str
    timestamp: str
    kind: dict[str, msgspec.Raw]
    metadata: Metadata
    causality_vector: list[tuple[str, U64]]
    lock_set: list[str]
    parent_id: str | None = None


class _Sent(Event, kw_only=True, gc=False):
    """An event whose metadata is still to be decoded."""

    metadata: msgspec.Raw  # type: ignore[assignment]  # until then


class Batch(msgspec.Struct):
    """The body of ``POST /events``."""

    # Each that is refused costs time, and as many as fit into a body are some millions of "1,".
    events: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=MAX_EVENTS)]


class Refused(ValueError):  # noqa: N818 - reads as a sentence where it is caught
    """An event is not one; the message says why, and where in it."""


decode_batch = msgspec.json.Decoder(Batch).decode
_decode_event: Any = msgspec.json.Decoder(_Sent).decode
_decode_metadata = msgspec.json.Decoder(Metadata).decode
_decode_kind: Final[dict[str, Any]] = {
    name: msgspec.json.Decoder(kind).decode for name, kind in KINDS.items()
}


def read_event(raw: bytes | msgspec.Raw) -> tuple[Event, str, Any]:
    """Decode and check one event.

    Args:
        raw: JSON.

    Returns:
        The event without its kind, the name of the kind, and its fields as one of ``KINDS``.
        Events may have their metadata in common.

    Raises:
        Refused: It is no event.
    """
    try:
        event: Event = _decode_event(raw)
        event.metadata = read_metadata(event.metadata)
        if len(event.kind) != 1:
            raise Refused("a kind has exactly one key - at `$.kind`")
        ((name, fields),) = event.kind.items()
        decode = _decode_kind.get(name)
        if decode is None:
            raise Refused(f"unknown kind `{name[:80]}` - at `$.kind`")
        try:
            event.kind = _TAKEN_OUT
            return event, name, decode(fields)
        except msgspec.ValidationError as error:
            raise Refused(str(error).replace("`$", f"`$.kind.{name}", 1)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(str(error)) from None


def read_metadata(raw: Any) -> Metadata:
    """Decode metadata; most events of a thread have the same."""
    text = bytes(raw)
    known = _metadata.get(text)
    if known is not None:
        return known
    try:
        known = _decode_metadata(text)
    except msgspec.ValidationError as error:
        raise Refused(str(error).replace("`$", "`$.metadata", 1)) from None
    if len(text) < _METADATA_SHARED and b'"raceway.' not in text:
        if len(_metadata) >= _METADATA_KEPT:
            _metadata.clear()
        _metadata[text] = known
    return known


def uuid_bytes(text: str) -> bytes:
    """Return the 16 bytes of a UUID in any of its usual spellings.

    Raises:
        Refused: It is none.

    Example:
        >>> uuid_bytes("urn:uuid:7C9E6679-7425-40DE-944B-E07FC1F90AE7").hex()
        '7c9e6679742540de944be07fc1f90ae7'
    """
    if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
        try:
            # What has other hyphens, or blanks, has fewer digits.
            value = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            value = b""
        if len(value) == 16:
            return value
    plain = text.lower().removeprefix("urn:uuid:")
    if plain.startswith("{") and plain.endswith("}"):
        plain = plain[1:-1]
    if not _UUID.fullmatch(plain) and not re.fullmatch(r"[0-9a-f]{32}", plain):
        raise Refused(f"{text[:80]!r} is not a UUID")
    return bytes.fromhex(plain.replace("-", ""))


def uuid_text(value: bytes) -> str:
    """Return a UUID in its canonical spelling."""
    digits = value.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def nanoseconds(text: str) -> int:
    """Return a time in RFC 3339 as nanoseconds since the epoch.

    Raises:
        Refused: It is none, or has no offset.

    Example:
        >>> nanoseconds("1970-01-01T01:00:00.5+01:00")
        500000000
    """
    # Most events are of the second of the one before, and end with the same offset.
    if text[26:] == "+00:00":
        second = _utc_seconds.get(text[:19])
        digits = text[20:26]
        if second is not None and text[19] == "." and digits.isdecimal() and digits.isascii():
            return second * 1_000_000_000 + int(digits) * 1000
    key = (text[:19], text[-6:] if text[-3:-2] == ":" and text[-6:-5] in "+-" else text[-1:])
    second = _seconds.get(key)
    if second is not None and text[19:20] == ".":
        digits = text[20 : len(text) - len(key[1])]
        if digits.isdecimal() and digits.isascii():
            return second * 1_000_000_000 + int(digits[:9].ljust(9, "0"))
    found = _TIME.fullmatch(text) if text.isascii() else None
    if found is None:
        raise Refused(f"{text[:80]!r} is not a time in RFC 3339 with an offset - at `$.timestamp`")
    day, hour, minute, seconds, fraction, sign, hours, minutes = found.groups()
    try:
        begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=timezone.utc)
        if int(hour) > 23 or int(minute) > 59 or int(seconds) > 60:
            raise ValueError(text)
    except ValueError:
        raise Refused(f"{text[:80]!r} is no time of any day - at `$.timestamp`") from None
    whole = (begin - _EPOCH) // timedelta(seconds=1)
    whole += int(hour) * 3600 + int(minute) * 60 + int(seconds)
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        whole += -offset if sign == "+" else offset
    if not 0 <= whole <= _LAST:
        raise Refused(f"{text[:80]!r} is not from 1970 to 2261 - at `$.timestamp`")
    if len(_seconds) >= _SECONDS_KEPT:
        _seconds.clear()
        _utc_seconds.clear()
    _seconds[key] = whole
    if key[1] == "+00:00" and text[10:11] == "T":
        _utc_seconds[key[0]] = whole
    return whole * 1_000_000_000 + int((fraction or "")[:9].ljust(9, "0"))


def time_text(value: int) -> str:
    """Return nanoseconds since the epoch as RFC 3339 in UTC, to the microsecond.

    Example:
        >>> time_text(1_500_000_000)
        '1970-01-01T00:00:01.500000+00:00'
    """
    try:
        moment = _EPOCH + timedelta(microseconds=value // 1000)
    except OverflowError:
        moment = _EPOCH
    return moment.isoformat(timespec="microseconds")
