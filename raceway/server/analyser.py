"""The process that analyses: it reads what the server has stored, and writes what it finds.

It is a process of its own so that it has an interpreter lock of its own, and so that the server
goes on whatever becomes of it.  It ends when its standard input does: when the server has ended.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import select
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raceway.model.findings import Report
from raceway.report.document import report_document
from raceway.server.event_analysis import EventAnalysis
from raceway.server.event_decoding import stored_lines
from raceway.server.event_reader import EventReader
from raceway.server.findings_store import SIGHTINGS_KEPT, FindingsStore
from raceway.server.observations import Observations
from raceway.server.places import SourceFolders

if TYPE_CHECKING:
    from raceway.model.findings import Finding
    from raceway.server.event_reader import Segment
    from raceway.server.evidence import Seen

_PAUSE: Final = 0.1  # seconds between two looks
_WRITE_EVERY: Final = 0.5  # seconds
_SEGMENTS: Final = 4  # that are read at a time
_WARM_UP: Final = 100_000  # events that are read again after a restart
_log = logging.getLogger("raceway.server.analyser")


class Analyser:
    """Reads, analyses and writes, step by step.

    Args:
        folder: The data folder.
        sources: Folders of which source code may be read.
        delay: Seconds that what was tracked by hand waits for others.
    """

    def __init__(self, folder: Path, sources: tuple[str, ...], delay: float) -> None:
        self._events = EventReader(folder)
        self._store = FindingsStore(folder)
        self._store.create()
        self._observations = Observations()
        self._sources = SourceFolders(sources)
        root = sources[0] if sources else ""
        self._analysis = EventAnalysis(self._sources, os.path.realpath(root), delay=delay)
        self._position = self._store.state("position")
        self._concluded = self._store.state("concluded")
        self._writes = self._store.state("writes")
        self._base: dict[str, int] = {}  # what was counted before this process
        self._written_at = 0.0
        self._cost = 0.0
        self._changes = 0
        self._warm_up()
        self._analysis.observer = self._observations

    def _warm_up(self) -> None:
        """Read the latest events again, to know who is who; they have been counted."""
        until = self._position
        if not until:
            return
        at = self._events.position_before(until, _WARM_UP)
        while at < until:
            segments = self._events.segments_after(at)
            if not segments or segments[0].until > until:
                break
            for segment in segments:
                if segment.until <= until:
                    self._feed(segment)
                    at = segment.until
            self._analysis.advance(float("inf"))
        findings, _ = self._analysis.findings()
        known = {
            row["id"]: row["count"] for row in self._store.ask("SELECT id, count FROM finding")
        }
        self._base = {one.id: known.get(one.id, 0) - one.count for one in findings}
        for finding_id, count in known.items():
            self._base.setdefault(finding_id, count)
        self._changes = self._analysis.analyzer.changes

    def _feed(self, segment: Segment) -> None:
        self._analysis.feed(stored_lines(segment.data), segment.received)

    def step(self) -> bool:
        """Analyse what is there; tell whether there was anything."""
        now = time.time()
        segments = self._events.segments_after(self._position, _SEGMENTS)
        for segment in segments:
            self._feed(segment)
            self._position = segment.until
        # What is known goes as far as what was read, if there is more.
        self._analysis.advance(segments[-1].received if len(segments) == _SEGMENTS else now)
        if time.monotonic() - self._written_at > max(_WRITE_EVERY, 5 * self._cost):
            self._write()
        return bool(segments)

    def _write(self) -> None:
        begun = time.monotonic()
        analysis = self._analysis
        changed = analysis.analyzer.changes != self._changes
        found: tuple[Finding, ...] = ()
        seen: dict[tuple[str, str], Seen] = {}
        if changed:
            self._changes = analysis.analyzer.changes
            found, seen = analysis.findings()
        idle = not analysis.waiting
        concluded = self._position if idle else self._concluded
        unchanged = (self._store.state("position"), self._store.state("concluded"))
        if not changed and unchanged == (self._position, concluded):
            self._written_at = time.monotonic()
            return
        with self._store.changing() as db:
            self._observations.write(db)
            if found:
                self._write_findings(db, found, seen)
            self._concluded = concluded
            self._writes += 1
            for name, value in (
                ("writes", self._writes),
                ("position", self._position),
                ("concluded", concluded),
                ("waiting", analysis.waiting),
                ("accesses", analysis.analyzer.accesses),
            ):
                db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))
        self._observations.written()
        self._written_at = time.monotonic()
        self._cost = self._written_at - begun

    def _write_findings(
        self,
        db: sqlite3.Connection,
        found: tuple[Finding, ...],
        seen: dict[tuple[str, str], Seen],
    ) -> None:
        documents = report_document(Report(findings=found))["findings"]
        (serial,) = db.execute("SELECT coalesce(max(changed), 0) FROM finding").fetchone()
        for finding, document in zip(found, documents, strict=True):
            where = seen.get((finding.fingerprint, finding.variable))
            sightings = where.sightings if where is not None else []
            runs = where.runs if where is not None else {}
            count = finding.count + self._base.get(finding.id, 0)
            known = db.execute(
                "SELECT count, severity, certainty, status, services FROM finding WHERE id = ?",
                (finding.id,),
            ).fetchone()
            if known is not None and known[:3] == (count, finding.severity, finding.certainty):
                continue
            serial += 1
            times = [one.time for one in sightings] or [time.time_ns()]
            services = {one.service for one in sightings} | {one.other_service for one in sightings}
            services |= set(json.loads(known[4])) if known else set()
            status = "open" if known is None or known[3] == "fixed" else known[3]
            db.execute(
                "INSERT INTO finding (id, type, severity, certainty, variable, services, document,"
                " count, first, last, changed)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                " ON CONFLICT DO UPDATE SET severity = ?3, certainty = ?4, services = ?6,"
                " document = ?7, count = ?8, first = min(first, ?9), last = max(last, ?10),"
                " changed = ?11, status = ?12",
                (finding.id, finding.type, finding.severity, finding.certainty, finding.variable,
                 json.dumps(sorted(services - {""})), json.dumps(document), count, min(times),
                 max(times), serial, status),
            )  # fmt: skip
            db.executemany(
                "INSERT OR IGNORE INTO sighting VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (finding.id, one.time, one.trace, one.other, one.run, one.service,
                     one.other_service)
                    for one in sightings
                ],
            )  # fmt: skip
            db.execute(
                "DELETE FROM sighting WHERE finding = ?1 AND time < (SELECT min(time) FROM (SELECT"
                " time FROM sighting WHERE finding = ?1 ORDER BY time DESC LIMIT ?2))",
                (finding.id, SIGHTINGS_KEPT),
            )
            db.executemany(
                "INSERT INTO run_finding VALUES (?1, ?2, ?3)"
                " ON CONFLICT DO UPDATE SET count = max(count, ?3)",
                [(run, finding.id, times_seen) for run, times_seen in runs.items() if run],
            )


def main() -> int:
    """Run until the server ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--source", action="append", default=[])
    parser.add_argument("--delay", type=float, default=2.0)
    given = parser.parse_args()
    logging.basicConfig(format="%(levelname)s analysis: %(message)s", level=logging.INFO)
    gc.set_threshold(1_000_000, 20, 50)  # nearly nothing here is cyclic
    analyser = Analyser(Path(given.folder), tuple(given.source), given.delay)
    failures = 0
    while True:
        busy = False
        try:
            busy = analyser.step()
            failures = 0
        except sqlite3.OperationalError as error:  # locked, or the disk is full
            failures += 1
            if failures in {1, 100}:
                _log.warning("%s; tried again", error)
        ready, _, _ = select.select(
            [sys.stdin], [], [], 0 if busy else _PAUSE * min(50, 1 + failures)
        )
        if ready and not os.read(sys.stdin.fileno(), 4096):
            return 0


if __name__ == "__main__":
    sys.exit(main())
