"""Reads the store of events: traces and their events, services, spans.

Each question opens the file anew: any thread may ask, and nobody who asks keeps the writer waiting.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from raceway.server.event_store import FILE, connect
from raceway.server.wire import Refused, nanoseconds, read_event, uuid_bytes, uuid_text

if TYPE_CHECKING:
    import sqlite3

    from raceway.server.wire import Event

EVENTS_SHOWN: Final = 20_000
"""Events of one trace that are read; of longer ones the first."""


class Stored(msgspec.Struct, gc=False):
    """An event as it was stored.

    Attributes:
        raw: As it was sent; empty where it is not wanted.
        event: Decoded.
        kind: Name of its kind.
        fields: The fields of its kind.
        id: Its id in canonical spelling.
        parent: The id of its parent, or an empty string.
        time: Nanoseconds since the epoch.
    """

    raw: bytes
    event: Event
    kind: str
    fields: Any
    id: str
    parent: str
    time: int


class Segment(NamedTuple):
    """Events that were stored together.

    Attributes:
        until: The position behind them.
        received: When they were stored, in seconds since the epoch.
        data: The events, as they were sent, one on each line.
    """

    until: int
    received: float
    data: bytes


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A trace in a list."""

    id: str
    events: int
    first: int
    last: int
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A span."""

    trace: str
    id: str
    service: str
    upstream: str
    instance: str
    events: int
    first: int
    last: int


def stored(raw: bytes) -> Stored:
    """Decode an event that was accepted before."""
    event, kind, fields = read_event(raw)
    parent = canonical(event.parent_id) if event.parent_id else ""
    time = nanoseconds(event.timestamp)
    return Stored(raw, event, kind, fields, canonical(event.id), parent, time)


def canonical(text: str) -> str:
    """Return the usual spelling of a UUID; mostly it is that already."""
    if len(text) == 36 and text.islower():
        return text
    return uuid_text(uuid_bytes(text))


class EventReader:
    """Answers questions about what is stored. Any thread may ask.

    Args:
        folder: The data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def _ask(self, query: str, *arguments: object) -> list[Any]:
        with closing(connect(self._path, writes=False)) as db:
            return db.execute(query, arguments).fetchall()

    def totals(self) -> tuple[int, int]:
        """Return how many events were ever stored, and how many traces there are now."""
        events = self._ask("SELECT value FROM total WHERE name = 'events'")
        ((traces,),) = self._ask("SELECT count(*) FROM trace")
        return (events[0][0] if events else 0), traces

    def kept(self) -> tuple[int, int]:
        """Return how many events are still there, and in how many bytes."""
        ((events, size),) = self._ask(
            "SELECT coalesce(sum(events), 0), coalesce(sum(length(data)), 0) FROM segment"
        )
        return events, size

    # ------------------------------------------------------------ segments

    def segments_after(self, position: int, most: int = 16) -> list[Segment]:
        """Return the segments behind a position."""
        rows = self._ask(
            "SELECT until, received, data FROM segment WHERE id > ? ORDER BY id LIMIT ?",
            position, most,
        )  # fmt: skip
        return [Segment(until, received, zlib.decompress(data)) for until, received, data in rows]

    def segments_near(
        self, time: int, first: int, last: int
    ) -> Iterator[tuple[int, float, list[bytes]]]:
        """Yield the segments with events of an interval, those nearest to a time first.

        Args:
            time: Nanoseconds since the epoch.
            first: The beginning of the interval.
            last: Its end.

        Yields:
            Its number, when it was received, and its events.
        """
        rows = self._ask(
            "SELECT id FROM segment WHERE last >= ?2 AND first <= ?3"
            " ORDER BY max(first - ?1, ?1 - last, 0), abs(last - ?1), id DESC",
            time,
            first,
            last,
        )
        for (segment,) in rows:
            for received, data in self._ask(
                "SELECT received, data FROM segment WHERE id = ?", segment
            ):  # it may have been deleted
                yield segment, received, zlib.decompress(data).split(b"\n")

    def position_before(self, position: int, events: int) -> int:
        """Return the position that has about so many events between it and another one."""
        with closing(connect(self._path, writes=False)) as db:
            query = "SELECT id, events FROM segment WHERE id <= ? ORDER BY id DESC"
            for segment, count in db.execute(query, (position,)):
                events -= count
                if events <= 0:
                    return int(segment) - 1
        return 0

    def last_position(self) -> int:
        """Return the position behind the last event."""
        ((position,),) = self._ask("SELECT coalesce(max(until), 0) FROM segment")
        return int(position)

    # ------------------------------------------------------------ traces

    def traces(self, page: int, size: int, min_events: int) -> tuple[int, list[TraceRow]]:
        """Return how many traces there are, and one page of them, newest first."""
        with closing(connect(self._path, writes=False)) as db:
            (total,) = db.execute(
                "SELECT count(*) FROM trace WHERE events >= ?", (min_events,)
            ).fetchone()
            rows = db.execute(
                "SELECT id, events, first, last, services FROM trace WHERE events >= ?"
                " ORDER BY last DESC, id LIMIT ? OFFSET ?",
                (min_events, size, (page - 1) * size),
            ).fetchall()
        return total, [_trace(row) for row in rows]

    def trace(self, trace_id: bytes) -> TraceRow | None:
        """Return what is known of a trace, or None."""
        rows = self._ask(
            "SELECT id, events, first, last, services FROM trace WHERE id = ?", trace_id
        )
        return _trace(rows[0]) if rows else None

    def events_of(self, trace_id: bytes, most: int = EVENTS_SHOWN) -> list[Stored]:
        """Return the events of a trace in the order of their arrival, each once."""
        found: dict[str, Stored] = {}
        with closing(connect(self._path, writes=False)) as db:
            for raw in _lines_of(db, trace_id):
                one = stored(raw)
                if one.id not in found and uuid_bytes(one.event.trace_id) == trace_id:
                    found[one.id] = one
                    if len(found) >= most:
                        break
        return list(found.values())

    # ------------------------------------------------------------ services

    def services(self) -> list[tuple[str, int, int, int]]:
        """Return name, events, traces and time of the last event of each service."""
        return self._ask(
            "SELECT service, sum(events), count(*), max(last) FROM service_trace"
            " GROUP BY service ORDER BY service"
        )

    def service_traces(self, service: str, page: int, size: int) -> tuple[int, list[TraceRow]]:
        """Return how many traces a service took part in, and one page of them, newest first."""
        with closing(connect(self._path, writes=False)) as db:
            (total,) = db.execute(
                "SELECT count(*) FROM service_trace WHERE service = ?", (service,)
            ).fetchone()
            rows = db.execute(
                "SELECT trace.id, trace.events, trace.first, trace.last, trace.services"
                " FROM service_trace JOIN trace ON trace.id = service_trace.trace"
                " WHERE service = ? ORDER BY service_trace.last DESC, trace.id LIMIT ? OFFSET ?",
                (service, size, (page - 1) * size),
            ).fetchall()
        return total, [_trace(row) for row in rows]

    def calls(self, service: str = "") -> list[tuple[str, str, int, int]]:
        """Return caller, callee, calls and traces: spans that were opened by another span.

        Args:
            service: Only calls from or to this one.
        """
        return self._ask(
            "SELECT caller.service, callee.service, count(*), count(DISTINCT callee.trace)"
            " FROM span AS callee JOIN span AS caller"
            " ON caller.trace = callee.trace AND caller.id = callee.upstream"
            " WHERE callee.upstream != '' AND caller.id != callee.id"
            " AND (?1 = '' OR caller.service = ?1 OR callee.service = ?1)"
            " GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
            service,
        )

    def spans(self, trace_id: bytes) -> list[SpanRow]:
        """Return the spans of a trace."""
        rows = self._ask("SELECT * FROM span WHERE trace = ? ORDER BY first, id", trace_id)
        return [SpanRow(uuid_text(row[0]), *row[1:]) for row in rows]

    def latencies(self, most: int) -> list[TraceRow]:
        """Return the newest traces, for statistics of how long they take."""
        rows = self._ask(
            "SELECT id, events, first, last, services FROM trace ORDER BY last DESC LIMIT ?", most
        )
        return [_trace(row) for row in rows]


def _trace(row: tuple[Any, ...]) -> TraceRow:
    return TraceRow(uuid_text(row[0]), row[1], row[2], row[3], tuple(json.loads(row[4])))


def _lines_of(db: sqlite3.Connection, trace_id: bytes) -> Iterator[bytes]:
    """Yield the lines in which a trace is named, in whatever spelling."""
    text = uuid_text(trace_id)
    needles = [text.encode(), text.upper().encode(), trace_id.hex().encode()]
    rows = db.execute(
        "SELECT data FROM trace_segment JOIN segment ON segment.id = trace_segment.segment"
        " WHERE trace = ? ORDER BY segment.id",
        (trace_id,),
    )
    for (data,) in rows:
        for line in zlib.decompress(data).split(b"\n"):
            if any(needle in line for needle in needles) or needles[2] in line.lower():
                yield line


__all__ = ["EVENTS_SHOWN", "EventReader", "Refused", "SpanRow", "Stored", "TraceRow", "stored"]
