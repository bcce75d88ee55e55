"""From the body of ``POST /events`` to what is stored: checked, indexed, and each event once."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Final

import msgspec

from raceway.server.wire import (
    MAX_EVENT,
    Metadata,
    Refused,
    decode_batch,
    nanoseconds,
    read_event,
    uuid_bytes,
)

IDS_KEPT: Final = 250_000
"""Ids of a generation; events are known again among the latest one or two of them."""

REASONS_TOLD: Final = 100
"""Refused events of one batch of which the answer says why."""


_NAMED_BY_UUID: Final = {"AsyncSpawn": "task_id", "AsyncAwait": "future_id"}


class Unreadable(ValueError):  # noqa: N818 - reads as a sentence where it is caught
    """The body is no batch at all."""


class TooLarge(ValueError):  # noqa: N818 - as above
    """The body is larger than the server takes."""


@dataclass(slots=True)
class TraceSummary:
    """What a batch says of one trace.

    Attributes:
        events: How many events.
        first: Earliest time, in nanoseconds since the epoch.
        last: Latest time.
        services: Events by service.
    """

    events: int = 0
    first: int = 0
    last: int = 0
    services: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Span:
    """What a batch says of one span: the part of a trace that one service did."""

    service: str
    upstream: str = ""
    instance: str = ""
    events: int = 0
    first: int = 0
    last: int = 0


@dataclass(slots=True)
class Ingested:
    """The events of a batch that are good and new, with what the index needs.

    Attributes:
        raws: The events as they were sent.
        ids: Their ids, 16 bytes each.
        traces: By trace id.
        spans: By trace id and span id.
        first: Earliest time of an event, in nanoseconds since the epoch.
        last: Latest time.
        size: Bytes of ``raws``.
        known: Events that had been taken before.
        refused: Index, id and reason of each event that is wrong; of the first hundred.
        refusals: How many were wrong.
    """

    raws: list[bytes] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    traces: dict[bytes, TraceSummary] = field(default_factory=dict)
    spans: dict[tuple[bytes, str], Span] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    size: int = 0
    known: int = 0
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    refusals: int = 0

    def refuse(self, index: int, raw: bytes | msgspec.Raw, reason: str) -> None:
        """Take note of an event that is wrong."""
        self.refusals += 1
        if len(self.refused) < REASONS_TOLD:
            self.refused.append((index, _id_of(raw), reason[:500]))

    def add(
        self, raw: bytes, event_id: bytes, trace_id: bytes, metadata: Metadata, time: int
    ) -> None:
        """Take an event."""
        self.raws.append(raw)
        self.ids.append(event_id)
        self.size += len(raw) + 1
        trace = self.traces.get(trace_id)
        if trace is None:
            trace = self.traces[trace_id] = TraceSummary(0, time, time)
        trace.events += 1
        trace.services[metadata.service_name] = trace.services.get(metadata.service_name, 0) + 1
        if time < trace.first:
            trace.first = time
        elif time > trace.last:
            trace.last = time
        span_id = metadata.distributed_span_id
        if span_id:
            span = self.spans.get((trace_id, span_id))
            if span is None:
                span = self.spans[trace_id, span_id] = Span(
                    metadata.service_name, metadata.upstream_span_id or "",
                    metadata.instance_id or "", 0, time, time,
                )  # fmt: skip
            span.events += 1
            span.last = max(span.last, time)


class Ids:
    """Knows events again by their ids: the latest of them, in bounded memory."""

    def __init__(self) -> None:
        self._young: set[int] = set()
        self._old: set[int] = set()

    def is_new(self, event_id: bytes) -> bool:
        """Tell whether an id is seen for the first time, and remember it."""
        key = hash(event_id)
        if key in self._young or key in self._old:
            return False
        self._young.add(key)
        if len(self._young) >= IDS_KEPT:
            self._young, self._old = set(), self._young
        return True

    def forget(self, ids: list[bytes]) -> None:
        """Forget ids of events that could not be stored: they may come again."""
        keys = set(map(hash, ids))
        self._young -= keys
        self._old -= keys

    def remember(self, joined: bytes) -> None:
        """Remember ids that lie one after the other, 16 bytes each."""
        for at in range(0, len(joined), 16):
            self.is_new(joined[at : at + 16])


def inflate(body: bytes, limit: int) -> bytes:
    """Return what was compressed by gzip.

    Args:
        body: The compressed body.
        limit: Most bytes that it may become.

    Raises:
        TooLarge: It is more.
        Unreadable: It is no gzip.
    """
    inflater = zlib.decompressobj(31)
    try:
        whole = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise Unreadable(f"the body is not gzip: {error}") from None
    if len(whole) > limit:
        raise TooLarge
    if not inflater.eof:
        raise Unreadable("the body is not gzip: it ends too early")
    return whole


def ingest(body: bytes, ids: Ids) -> Ingested:
    """Check the events of a batch.

    Args:
        body: JSON, ``{"events": [...]}``.
        ids: What was taken before; gets the new ones.

    Returns:
        What is good and new, and why the rest is not.

    Raises:
        Unreadable: The body is no batch.
    """
    try:
        batch = decode_batch(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None
    taken = Ingested()
    known: dict[str | None, bytes] = {None: b""}  # traces and parents are mostly seen before
    for index, raw in enumerate(batch.events):
        try:
            if len(raw) > MAX_EVENT:
                raise Refused(f"the event has more than {MAX_EVENT:,} bytes")
            event, kind, fields = read_event(raw)
            event_id = known[event.id] = uuid_bytes(event.id)
            if event.parent_id not in known:
                uuid_bytes(event.parent_id or "")
            trace_id = known.get(event.trace_id)
            if not trace_id:
                trace_id = known[event.trace_id] = uuid_bytes(event.trace_id)
            time = nanoseconds(event.timestamp)
            if kind in _NAMED_BY_UUID:
                uuid_bytes(getattr(fields, _NAMED_BY_UUID[kind]))
        except Refused as error:
            taken.refuse(index, raw, str(error))
            continue
        if not ids.is_new(event_id):
            taken.known += 1
            continue
        if not taken.raws:
            taken.first = taken.last = time
        elif time < taken.first:
            taken.first = time
        elif time > taken.last:
            taken.last = time
        line = bytes(raw)
        if b"\n" in line or b"\r" in line:  # between tokens: in texts they are escaped
            line = line.replace(b"\n", b" ").replace(b"\r", b" ")
        taken.add(line, event_id, trace_id, event.metadata, time)
    return taken


def _id_of(raw: bytes | msgspec.Raw) -> str:
    """Return the id of an event that is wrong, as far as it has one."""
    try:
        value = msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).get("id")
        return str(msgspec.json.decode(value))[:80] if value is not None else ""
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError):
        return ""
