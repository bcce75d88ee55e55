"""Decodes events that were accepted before, as the analysis wants them: many at a time.

One pass makes the structs of the wire from the lines of a segment; what nobody asks for there (old
values) is passed over, and a new value is a value and no JSON.  Whatever does not fit is left to
:func:`raceway.server.wire.read_event`, which says why.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from raceway.pipeline.replay import compiled
from raceway.server.event_reader import Stored, canonical, stored
from raceway.server.wire import (
    KINDS,
    AccessType,
    Event,
    Refused,
    nanoseconds,
    read_metadata,
)


class Change(msgspec.Struct, gc=False):
    """A variable was read or written; its new value is decoded."""

    variable: str
    new_value: Any
    location: str
    access_type: AccessType


_Kinds: Final = msgspec.defstruct(
    "_Kinds",
    [
        (name, Change | msgspec.UnsetType if name == "StateChange" else kind | msgspec.UnsetType,
         msgspec.UNSET)
        for name, kind in KINDS.items()
    ],
    gc=False,
)  # fmt: skip


class _Line(Event, kw_only=True, gc=False):
    """An event whose metadata is still to be decoded."""

    kind: _Kinds  # type: ignore[valid-type]  # made of the kinds
    metadata: msgspec.Raw  # type: ignore[assignment]  # until then


_NONE_LEFT: Final[dict[str, msgspec.Raw]] = {}
_NO_LOCKS: Final[list[str]] = []
_AT_ONCE: Final = 1 << 18
"""Bytes that are decoded at a time: what comes of them stays in the processor's cache."""
_decode: Final[Any] = msgspec.json.Decoder(_Line).decode_lines


def stored_lines(data: bytes) -> list[Stored]:
    """Decode the events of a segment for the analysis.

    Args:
        data: Events that were accepted before, one on each line.

    Returns:
        The events, without their text and their old values; none for lines that were written by
        another version.
    """
    events: list[Stored] = []
    begin = 0
    try:
        while begin < len(data):
            end = data.find(b"\n", begin + _AT_ONCE)
            end = len(data) if end < 0 else end
            events += _events_of(_decode(data[begin:end]))
            begin = end + 1
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, Refused):
        return _one_by_one(data)
    return events


def events_of(lines: list[Any]) -> list[Stored]:
    """Return what the analysis wants of events.

    Most have the trace, the thread and the second of the one before.  What is equal becomes one
    object: many events wait, and the less there is of them, the faster.

    Args:
        lines: What was decoded; it becomes part of the events.
    """
    unset = msgspec.UNSET
    known_second, begin = "", 0
    known_raw = metadata = None
    trace = ""
    names: dict[str, str] = {}
    name = names.setdefault
    events = []
    for event in lines:
        kinds = event.kind
        kind, fields = "StateChange", kinds.StateChange
        if fields is not unset:
            fields.location = name(fields.location, fields.location)
            fields.variable = name(fields.variable, fields.variable)
        else:
            kind, fields = _kind_of(kinds)
        event.kind = _NONE_LEFT
        text = event.timestamp
        # It has been checked: between the second and the offset there are but digits.
        if text[:20] == known_second and text[26:] == "+00:00":
            time = begin + int(text[20:26]) * 1000
        else:
            time = nanoseconds(text)
            if text[26:] == "+00:00":
                known_second, begin = text[:20], time - time % 1_000_000_000
        event.timestamp = ""
        raw = event.metadata
        if raw != known_raw:
            known_raw, metadata = raw, read_metadata(raw)
        event.metadata = metadata
        if event.trace_id == trace:
            event.trace_id = trace
        else:
            trace = event.trace_id
        if not event.lock_set:
            event.lock_set = _NO_LOCKS
        event_id, parent = event.id, event.parent_id or ""
        if len(event_id) != 36 or not event_id.islower():
            event_id = canonical(event_id)
        if parent:
            parent = canonical(parent)
        events.append(Stored(b"", event, kind, fields, event_id, parent, time))
    return events


def _kind_of(kinds: Any) -> tuple[str, Any]:
    for kind in KINDS:
        fields = getattr(kinds, kind)
        if fields is not msgspec.UNSET:
            return kind, fields
    raise Refused("its kind is not known")


def _one_by_one(data: bytes) -> list[Stored]:
    events = []
    for line in data.split(b"\n"):
        try:
            one = stored(line)
        except Refused:  # written by another version
            continue
        # The parts that are not decoded are views of the whole, which would be kept by them.
        one.raw, one.event.timestamp = b"", ""
        if one.kind == "StateChange":
            one.fields.new_value = one.fields.new_value.copy()
            one.fields.old_value = one.fields.new_value
        events.append(one)
    return events


if compiled is not None:
    compiled.configure_lines(
        {"changed": Change, "kinds": _Kinds, "line": _Line, "made": Stored},
        {
            "canonical": canonical, "kind_of": _kind_of, "nanoseconds": nanoseconds,
            "no_lock_set": _NO_LOCKS, "none_left": _NONE_LEFT, "read_metadata": read_metadata,
            "unset": msgspec.UNSET,
        },
    )  # fmt: skip

_events_of: Final[Any] = events_of if compiled is None else compiled.events_of
