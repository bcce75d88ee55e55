"""What the analysis has found out, in a SQLite file of its own: it can be computed anew."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raceway.server.event_store import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILE: Final = "findings.sqlite"
STATUSES: Final = ("open", "known", "suppressed", "fixed")
SIGHTINGS_KEPT: Final = 50
ROWS_KEPT: Final = 20_000
"""Variables, locks, actors and runs that are kept: those used last."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS finding (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, severity TEXT NOT NULL, certainty TEXT NOT NULL,
    variable TEXT NOT NULL, services TEXT NOT NULL, document TEXT NOT NULL, count INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, changed INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'open', reason TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sighting (
    finding TEXT NOT NULL, time INTEGER NOT NULL, trace TEXT NOT NULL, other TEXT NOT NULL,
    run TEXT NOT NULL, service TEXT NOT NULL, other_service TEXT NOT NULL,
    PRIMARY KEY (finding, time, trace, other)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sighting_by_trace ON sighting (trace);
CREATE INDEX IF NOT EXISTS sighting_by_other ON sighting (other);
CREATE TABLE IF NOT EXISTS run (
    id TEXT PRIMARY KEY, service TEXT NOT NULL, instance TEXT NOT NULL, pid INTEGER NOT NULL,
    environment TEXT NOT NULL, language TEXT NOT NULL, events INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS run_finding (
    run TEXT NOT NULL, finding TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (run, finding)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS run_finding_by_finding ON run_finding (finding);
CREATE TABLE IF NOT EXISTS variable (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, reads INTEGER NOT NULL,
    writes INTEGER NOT NULL, actors INTEGER NOT NULL, traces INTEGER NOT NULL,
    services TEXT NOT NULL, recent TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS variable_by_name ON variable (name);
CREATE TABLE IF NOT EXISTS lock (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, scope TEXT NOT NULL,
    location TEXT NOT NULL, taken INTEGER NOT NULL, actors INTEGER NOT NULL, held INTEGER NOT NULL,
    longest INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    handed INTEGER NOT NULL DEFAULT 0, waits INTEGER NOT NULL DEFAULT 0,
    waited INTEGER NOT NULL DEFAULT 0, longest_wait INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lock_order (
    outside TEXT NOT NULL, inside TEXT NOT NULL, count INTEGER NOT NULL, location TEXT NOT NULL,
    PRIMARY KEY (outside, inside)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS actor (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, run TEXT NOT NULL,
    events INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operation (
    service TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, timed INTEGER NOT NULL,
    total INTEGER NOT NULL, longest INTEGER NOT NULL, PRIMARY KEY (service, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slow (
    event TEXT PRIMARY KEY, trace TEXT NOT NULL, service TEXT NOT NULL, kind TEXT NOT NULL,
    location TEXT NOT NULL, duration INTEGER NOT NULL, time INTEGER NOT NULL
) WITHOUT ROWID;
"""


class FindingsStore:
    """Reads and changes what was found. Any thread may ask.

    Args:
        folder: The data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._held: sqlite3.Connection | None = None

    def create(self) -> None:
        """Make the tables, and hold the file until it is closed.

        As long as somebody has it open its index of what was written lately is there.  To make
        one anew takes room on the disk, which there may be none of: reads are to go on.
        """
        self._held = connect(self._path, writes=True)
        self._held.executescript(_SCHEMA)
        columns = {row[1] for row in self._held.execute("PRAGMA table_info(lock)")}
        for name in ("handed", "waits", "waited", "longest_wait"):
            if name not in columns:  # made by an earlier version
                with suppress(sqlite3.OperationalError):  # or by the other process, just now
                    self._held.execute(
                        f"ALTER TABLE lock ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"
                    )
        self._held.execute("SELECT count(*) FROM state").fetchone()

    def close(self) -> None:
        """Let go of the file."""
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction."""
        with closing(connect(self._path, writes=True)) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def ask(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Return the rows of a query, each with the names of its columns."""
        with closing(connect(self._path, writes=False)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, arguments)]

    def state(self, name: str) -> int:
        """Return a number by name, or 0."""
        rows = self.ask("SELECT value FROM state WHERE name = ?", name)
        return int(rows[0]["value"]) if rows else 0

    # ------------------------------------------------------------ findings

    def finding(self, finding_id: str) -> dict[str, Any] | None:
        """Return a finding, or None."""
        rows = self.ask("SELECT * FROM finding WHERE id = ?", finding_id)
        return _finding(rows[0]) if rows else None

    def findings(self, where: str = "", *arguments: object) -> list[dict[str, Any]]:
        """Return findings, worst and latest first.

        Args:
            where: An SQL condition.
            arguments: What is to be put into it.
        """
        rows = self.ask(
            f"SELECT * FROM finding {'WHERE ' + where if where else ''} ORDER BY"  # noqa: S608 - our own conditions
            " CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,"
            " last DESC, id LIMIT 2000",
            *arguments,
        )
        return [_finding(row) for row in rows]

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many findings have which value of which column."""
        found = {
            (name, row["value"]): row["count"]
            for name in ("status", "severity", "type", "certainty")
            for row in self.ask(
                f"SELECT {name} AS value, count(*) AS count FROM finding GROUP BY 1"  # noqa: S608 - our own names
            )
        }
        services = self.ask(
            "SELECT value, count(*) AS count FROM finding, json_each(services) GROUP BY 1"
        )
        return found | {("service", row["value"]): row["count"] for row in services}

    def sightings(self, finding_id: str) -> list[dict[str, Any]]:
        """Return where a finding was seen lately."""
        return self.ask(
            "SELECT time, trace, other, run, service, other_service FROM sighting"
            " WHERE finding = ? ORDER BY time DESC",
            finding_id,
        )

    def of_trace(self, trace: str) -> list[dict[str, Any]]:
        """Return the findings that were seen in a trace."""
        return self.findings(
            "id IN (SELECT finding FROM sighting WHERE trace = ?1 OR other = ?1)", trace
        )

    def set_status(self, finding_id: str, status: str, reason: str) -> bool:
        """Change the status of a finding; tell whether there is one."""
        with self.changing() as db:
            changed = db.execute(
                "UPDATE finding SET status = ?, reason = ?, changed ="
                " (SELECT coalesce(max(changed), 0) + 1 FROM finding) WHERE id = ?",
                (status, reason, finding_id),
            ).rowcount
        return changed > 0

    def changed(self) -> int:
        """Return a number that goes up whenever a finding changes."""
        rows = self.ask("SELECT coalesce(max(changed), 0) AS value FROM finding")
        return int(rows[0]["value"])


def _finding(row: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(row.pop("document"))
    row["services"] = json.loads(row["services"])
    return {**document, **row}


def trim(db: sqlite3.Connection, tables: Iterable[str]) -> None:
    """Delete what was not used for long from tables that have too much."""
    for table in tables:
        (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - our own names
        if count > ROWS_KEPT:
            db.execute(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY last LIMIT ?)",  # noqa: S608 - as above
                (count - ROWS_KEPT * 9 // 10,),
            )
