"""Decodes events that were accepted before, as the analysis wants them: many at a time.

One pass makes the structs of the wire from the lines of a segment; what nobody asks for there (old
values) is passed over, and a new value is a value and no JSON.  Whatever does not fit is left to
:func:`raceway.server.wire.read_event`, which says why.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

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
_decode: Final[Any] = msgspec.json.Decoder(_Line).decode_lines


def stored_lines(data: bytes) -> list[Stored]:
    """Decode the events of a segment for the analysis.

    Args:
        data: Events that were accepted before, one on each line.

    Returns:
        The events, without their text and their old values; none for lines that were written by
        another version.
    """
    try:
        lines: list[Any] = _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _one_by_one(data)
    unset = msgspec.UNSET
    events = []
    for event in lines:
        kinds = event.kind
        kind, fields = "StateChange", kinds.StateChange
        if fields is unset:
            for kind in KINDS:
                fields = getattr(kinds, kind)
                if fields is not unset:
                    break
            else:
                return _one_by_one(data)
        time = nanoseconds(event.timestamp)
        event.metadata = read_metadata(event.metadata)
        event.kind = _NONE_LEFT
        event.timestamp = ""
        parent = canonical(event.parent_id) if event.parent_id else ""
        events.append(Stored(b"", event, kind, fields, canonical(event.id), parent, time))
    return events


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
