"""The run as a timeline: what the element ``race-timeline`` draws, and the same as a table.

Both the HTML report and the pages of the server have it.  Columns instead of objects, and each text
once: a hundred thousand events take 4 MB and not 20.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from raceway.report.excerpt import shown_path
from raceway.report.rules import rule_of
from raceway.report.traced import READS, TracedAccesses
from raceway.report.words import subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raceway.model.findings import Finding, Report
    from raceway.model.run_trace import RunTrace, TracedEvent

SCHEMA: Final = "raceway-timeline/1"
KINDS: Final = ("access", "hold", "start", "join", "request", "call", "query", "note")
_ROWS: Final = 200
_LONGEST: Final = 200
_MILLION: Final = 1_000_000


class Row(NamedTuple):
    """An event in words.

    Attributes:
        at: Its operation.
        who: Name of the actor.
        what: What it did.
        value: What was read or written, if known.
        place: ``file:line``, or nothing.
        locks: Names of the locks that it held.
        finding: Fingerprint of a finding that it is part of, or nothing.
    """

    at: int
    who: str
    what: str
    value: str
    place: str
    locks: str
    finding: str


class Timeline:
    """Shows a trace of the run.

    Args:
        report: What to show; it has a trace of the run.
        root: Folder to which paths below it are shown relative, or an empty string.

    Raises:
        ValueError: There is no trace of the run in the report.
    """

    def __init__(self, report: Report, root: str = "") -> None:
        if report.run_trace is None:
            raise ValueError("the report has no trace of the run")
        self._report = report
        self._trace: RunTrace = report.run_trace
        self._root = root
        self._places: dict[tuple[str, int], str] = {}
        accesses = TracedAccesses(self._trace)
        self._found = [(finding, accesses.of(finding)) for finding in report.findings]

    # ------------------------------------------------------------ for the element

    def document(self) -> dict[str, Any]:
        """Return what the element reads."""
        trace, texts = self._trace, _Texts()
        processes = dict(trace.processes) or {
            process.pid: process.command for process in self._report.processes
        }
        used = list(dict.fromkeys(actor.process for actor in trace.actors))
        places = {process: position for position, process in enumerate(used)}
        numbers = {actor.number: position for position, actor in enumerate(trace.actors)}
        actors = [
            [
                texts.of(actor.name), texts.of(actor.kind), places[actor.process],
                numbers.get(actor.group, -1) if actor.group != actor.number else -1,
                actor.began, actor.ended,
            ]
            for actor in trace.actors
        ]  # fmt: skip
        events = self._events(texts, numbers)
        return {
            "schema": SCHEMA,
            "omitted": trace.omitted,
            "processes": [
                {"id": process, "name": processes.get(process) or f"process {process}"}
                for process in used
            ],
            "actors": actors,
            "locks": self._locks(texts, numbers, places),
            "kinds": KINDS,
            "reads": sorted(READS),
            "events": events,
            "orders": self._orders(numbers),
            "findings": [
                {
                    "id": finding.id,
                    "title": f"{rule_of(finding).title} {subject(finding)}"[:_LONGEST],
                    "severity": finding.severity,
                    "variable": texts.of(finding.variable),
                    "events": positions,
                }
                for finding, positions in self._found
            ],
            "texts": texts.all,
        }

    def _events(self, texts: _Texts, numbers: dict[int, int]) -> dict[str, list[Any]]:
        kinds = {kind: number for number, kind in enumerate(KINDS)}
        columns: dict[str, list[Any]] = {
            name: []
            for name in (
                "kind", "actor", "at", "length", "name", "detail", "value", "place", "held", "other"
            )
        }  # fmt: skip
        for event in self._trace.events:
            other = numbers.get(event.other, -1) if event.kind in ("start", "join") else event.other
            for column, entry in zip(
                columns.values(),
                (
                    kinds[event.kind], numbers.get(event.actor, -1), event.at,
                    event.until - event.at, texts.of(self._name(event.name)),
                    texts.of(event.detail),
                    texts.of(event.value), texts.of(self._place(event)),
                    texts.of(self._name(", ".join(event.locks))), other,
                ),
                strict=True,
            ):  # fmt: skip
                column.append(entry)
        first = next((event.time for event in self._trace.events if event.time), 0)
        if first:
            columns["ms"] = [
                round((event.time - first) / _MILLION, 3) if event.time else 0
                for event in self._trace.events
            ]
        return columns

    def _locks(
        self, texts: _Texts, numbers: dict[int, int], places: dict[int, int]
    ) -> list[list[int]]:
        """Return number, name and process of each lock; the numbers are those of ``other``."""
        process = {actor.number: places[actor.process] for actor in self._trace.actors}
        found: dict[int, list[int]] = {}
        for event in self._trace.events:
            if event.kind == "hold" and event.other not in found and event.actor in numbers:
                name = texts.of(self._name(event.name))
                found[event.other] = [event.other, name, process[event.actor]]
        seen: dict[tuple[int, int], int] = {}
        counts = Counter((name, place) for _, name, place in found.values())
        for lock in found.values():  # those that were made in one place have one name
            alike = (lock[1], lock[2])
            if counts[alike] > 1:
                seen[alike] = seen.get(alike, 0) + 1
                lock[1] = texts.of(f"{texts.all[lock[1]]} #{seen[alike]}")
        return list(found.values())

    def _orders(self, numbers: dict[int, int]) -> list[list[Any]]:
        """Return kind, and the positions of the two events, of each order."""
        places: dict[tuple[int, int], int] = {}
        for position, event in enumerate(self._trace.events):
            if event.kind != "hold":
                places.setdefault((event.actor, event.at), position)
        found = []
        for order in self._trace.orders:
            before = places.get((order.before, order.since))
            after = places.get((order.after, order.at))
            if before is not None and after is not None and order.before in numbers:
                found.append([order.kind, before, after])
        return found

    # ------------------------------------------------------------ for readers without script

    def rows(self, most: int = _ROWS) -> list[Row]:
        """Return events in words: those around the findings, or the latest."""
        events = self._trace.events
        part: dict[int, str] = {}
        for finding, positions in self._found:
            for position in positions:
                part.setdefault(position, finding.id)
        chosen: Sequence[int] = range(max(0, len(events) - most), len(events))
        if part:
            around = sorted(part)
            each = max(2, most // (2 * len(around)))
            wanted = {
                position
                for place in around
                for position in range(place - each, place + each)
                if 0 <= position < len(events)
            }
            chosen = sorted(wanted, key=lambda one: (_distance(around, one), one))[:most]
        names = {actor.number: actor.name for actor in self._trace.actors}
        return [
            Row(
                events[one].at, names.get(events[one].actor, ""), self._name(words(events[one])),
                events[one].value, self._place(events[one]),
                self._name(", ".join(events[one].locks)),
                part.get(one, ""),
            )
            for one in sorted(chosen)
        ]  # fmt: skip

    def _name(self, name: str) -> str:
        """Shorten the paths in it: a lock without a name is known by where it was made."""
        return name.replace(self._root.rstrip(os.sep) + os.sep, "") if self._root else name

    def _place(self, event: TracedEvent) -> str:
        if not event.file:
            return ""
        key = (event.file, event.line)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = f"{shown_path(event.file, self._root)}:{event.line}"
        return place

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self._trace.events

    @property
    def count(self) -> int:
        """How many events there are."""
        return len(self._trace.events)

    @property
    def omitted(self) -> int:
        """How many there were before these, if that is known."""
        return self._trace.omitted

    def found(self) -> list[tuple[Finding, list[int]]]:
        """Return the findings, each with the positions of its events."""
        return self._found


def words(event: TracedEvent) -> str:
    """Say what an event is."""
    if event.kind == "access":
        return f"{event.detail} {event.name}"
    if event.kind == "hold":
        return f"holds {event.name} until {event.until}"
    if event.kind in {"start", "join"}:
        return f"{event.kind}s {event.name}"
    kind = "" if event.kind == "note" else f"{event.kind} "
    return f"{kind}{event.name} {event.detail}".rstrip()


def script_text(document: object) -> str:
    """Return a document as JSON that can stand in a ``script`` element."""
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _distance(places: list[int], position: int) -> int:
    at = bisect_left(places, position)
    near = places[max(0, at - 1) : at + 1]
    return min(abs(place - position) for place in near)


class _Texts:
    """Gives each text a number; the empty one is 0."""

    def __init__(self) -> None:
        self.all: list[str] = [""]
        self._numbers = {"": 0}

    def of(self, text: str) -> int:
        """Return the number of a text."""
        shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
        number = self._numbers.get(shown)
        if number is None:
            number = self._numbers[shown] = len(self.all)
            self.all.append(shown)
        return number
