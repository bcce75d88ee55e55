"""The store of events: one SQLite file in WAL mode, written by one thread.

Events lie in *segments*: some thousands of them as lines of JSON, compressed together.  Beside them
stands what is looked for: traces, spans and services.  A batch is acknowledged when the transaction
that it is in has been committed, so that a process that is killed loses nothing that was
acknowledged; the power may fail at a moment that the system has not written yet, unless
``durable`` is asked for.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from raceway.server.batches import Ingested

FILE: Final = "events.sqlite"
_LEVEL: Final = 1  # of compression: twice as fast as 6, for a tenth more
_MERGE_BELOW: Final = 2_000  # events
_MERGE_TO: Final = 8_000
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS segment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    events INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    received REAL NOT NULL,
    until INTEGER NOT NULL,
    ids BLOB NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS trace (
    id BLOB PRIMARY KEY,
    events INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    services TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS trace_by_time ON trace (last);
CREATE TABLE IF NOT EXISTS trace_segment (
    trace BLOB NOT NULL,
    segment INTEGER NOT NULL,
    PRIMARY KEY (trace, segment)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS segment_traces ON trace_segment (segment);
CREATE TABLE IF NOT EXISTS service_trace (
    service TEXT NOT NULL,
    trace BLOB NOT NULL,
    events INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (service, trace)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS service_trace_by_time ON service_trace (service, last);
CREATE INDEX IF NOT EXISTS service_trace_by_trace ON service_trace (trace);
CREATE TABLE IF NOT EXISTS span (
    trace BLOB NOT NULL,
    id TEXT NOT NULL,
    service TEXT NOT NULL,
    upstream TEXT NOT NULL,
    instance TEXT NOT NULL,
    events INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (trace, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS span_by_service ON span (service);
CREATE TABLE IF NOT EXISTS total (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


def connect(path: Path, *, writes: bool, durable: bool = False) -> sqlite3.Connection:
    """Open a store.

    Args:
        path: The file.
        writes: Whether it may be changed.
        durable: Whether a commit waits until the disk has it.
    """
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    if writes:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    else:
        connection.execute("PRAGMA query_only = ON")
    return connection


class EventWriter:
    """Writes events. For one thread at a time.

    Args:
        folder: The data folder; it exists.
        durable: Whether a commit waits until the disk has it.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._db = connect(folder / FILE, writes=True, durable=durable)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def recent_ids(self, count: int) -> list[bytes]:
        """Return the ids of about the latest ``count`` events, oldest first, joined by segment."""
        found: list[bytes] = []
        for (ids,) in self._db.execute("SELECT ids FROM segment ORDER BY id DESC"):
            found.append(ids)
            count -= len(ids) // 16
            if count <= 0:
                break
        return found[::-1]

    def write(self, batches: Iterable[Ingested]) -> None:
        """Store batches as one segment, in one transaction.

        Raises:
            sqlite3.Error: Nothing was stored.
        """
        whole = [batch for batch in batches if batch.raws]
        if not whole:
            return
        raws = [raw for batch in whole for raw in batch.raws]
        data = zlib.compress(b"\n".join(raws), _LEVEL)
        ids = b"".join(event_id for batch in whole for event_id in batch.ids)
        first = min(batch.first for batch in whole)
        last = max(batch.last for batch in whole)
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            cursor = db.execute(
                "INSERT INTO segment (events, first, last, received, until, ids, data)"
                " VALUES (?, ?, ?, ?, 0, ?, ?)",
                (len(raws), first, last, time.time(), ids, data),
            )
            segment = cursor.lastrowid
            db.execute("UPDATE segment SET until = id WHERE id = ?", (segment,))
            self._index(whole, segment or 0)
            self._count("events", len(raws))
            self._count("bytes", sum(batch.size for batch in whole))
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise
        try:
            db.execute("COMMIT")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def _count(self, name: str, more: int) -> None:
        self._db.execute(
            "INSERT INTO total VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + ?",
            (name, more, more),
        )

    def _index(self, batches: list[Ingested], segment: int) -> None:
        db = self._db
        for batch in batches:
            for trace_id, trace in batch.traces.items():
                known = db.execute(
                    "SELECT services FROM trace WHERE id = ?", (trace_id,)
                ).fetchone()
                names = set(trace.services) | set(json.loads(known[0]) if known else ())
                services = json.dumps(sorted(names))
                db.execute(
                    "INSERT INTO trace VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET"
                    " events = events + ?2, first = min(first, ?3), last = max(last, ?4),"
                    " services = ?5",
                    (trace_id, trace.events, trace.first, trace.last, services),
                )
                db.execute("INSERT OR IGNORE INTO trace_segment VALUES (?, ?)", (trace_id, segment))
                db.executemany(
                    "INSERT INTO service_trace VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET"
                    " events = events + ?3, last = max(last, ?4)",
                    [(name, trace_id, count, trace.last) for name, count in trace.services.items()],
                )
            db.executemany(
                "INSERT INTO span VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET"
                " events = events + ?6, first = min(first, ?7), last = max(last, ?8)",
                [
                    (trace_id, span_id, span.service, span.upstream, span.instance, span.events,
                     span.first, span.last)
                    for (trace_id, span_id), span in batch.spans.items()
                ],
            )  # fmt: skip

    # ------------------------------------------------------------ upkeep

    def merge_small(self, before: int) -> bool:
        """Make one segment of several small ones that follow each other.

        Args:
            before: Only those up to this one: the analysis has read them.

        Returns:
            Whether there were any.
        """
        db = self._db
        chosen: list[int] = []
        events = 0
        rows = db.execute(
            "SELECT id, events FROM segment WHERE id <= ? ORDER BY id DESC LIMIT 2000", (before,)
        ).fetchall()
        for segment, count in rows:
            if count >= _MERGE_BELOW or events + count > _MERGE_TO:
                if len(chosen) > 1:
                    break
                chosen, events = [], 0
                if count >= _MERGE_BELOW:
                    continue
            chosen.append(segment)
            events += count
        if len(chosen) < 16 and events < _MERGE_BELOW:
            return False
        self._merge(sorted(chosen))
        return True

    def _merge(self, chosen: list[int]) -> None:
        db = self._db
        into = chosen[0]
        marks = ",".join("?" * len(chosen))
        db.execute("BEGIN IMMEDIATE")
        try:
            rows = db.execute(
                f"SELECT events, first, last, received, until, ids, data FROM segment"  # noqa: S608 - marks only
                f" WHERE id IN ({marks}) ORDER BY id",
                chosen,
            ).fetchall()
            events, firsts, lasts, received, until, ids, datas = zip(*rows, strict=True)
            data = zlib.compress(b"\n".join(map(zlib.decompress, datas)), _LEVEL)
            db.execute(
                "UPDATE segment SET events = ?, first = ?, last = ?, received = ?, until = ?,"
                " ids = ?, data = ? WHERE id = ?",
                (sum(events), min(firsts), max(lasts), max(received), max(until), b"".join(ids),
                 data, into),
            )  # fmt: skip
            db.execute(
                f"INSERT OR IGNORE INTO trace_segment SELECT DISTINCT trace, ? FROM trace_segment"  # noqa: S608 - as above
                f" WHERE segment IN ({marks})",
                (into, *chosen),
            )
            rest = chosen[1:]
            marks = ",".join("?" * len(rest))
            db.execute(f"DELETE FROM trace_segment WHERE segment IN ({marks})", rest)  # noqa: S608 - as above
            db.execute(f"DELETE FROM segment WHERE id IN ({marks})", rest)  # noqa: S608 - as above
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def retain(self, *, max_age: float, max_bytes: int) -> int:
        """Delete the oldest segments.

        Args:
            max_age: Seconds after which they are deleted.
            max_bytes: Most that the file may hold.

        Returns:
            How many were deleted.
        """
        db = self._db
        rows = db.execute(
            "SELECT id FROM segment WHERE received < ? ORDER BY id", (time.time() - max_age,)
        ).fetchall()
        over = [segment for (segment,) in rows]
        excess = self.used_bytes() - max_bytes
        if excess > 0:
            query = "SELECT id, length(data) + length(ids) FROM segment ORDER BY id"
            for segment, size in db.execute(query):
                if excess <= 0:
                    break
                excess -= size
                if segment not in over:
                    over.append(segment)
        for segment in over:
            self._delete(segment)
        if over:
            db.execute("PRAGMA incremental_vacuum")
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return len(over)

    def _delete(self, segment: int) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            traces = db.execute(
                "SELECT trace FROM trace_segment WHERE segment = ? AND NOT EXISTS"
                " (SELECT 1 FROM trace_segment AS other"
                "  WHERE other.trace = trace_segment.trace AND other.segment != ?)",
                (segment, segment),
            ).fetchall()
            db.executemany("DELETE FROM trace WHERE id = ?", traces)
            db.executemany("DELETE FROM span WHERE trace = ?", traces)
            db.executemany("DELETE FROM service_trace WHERE trace = ?", traces)
            db.execute("DELETE FROM trace_segment WHERE segment = ?", (segment,))
            db.execute("DELETE FROM segment WHERE id = ?", (segment,))
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def used_bytes(self) -> int:
        """Return how much of the file is in use."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        (size,) = self._db.execute("PRAGMA page_size").fetchone()
        return int((pages - free) * size)
