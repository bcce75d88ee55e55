"""The run as a trace: what viewers of the Trace Event Format show, Perfetto's among them.

Each actor has a track, with the accesses to watched objects in it, and each lock has one, with who
holds it.  Arrows lead from who starts an actor to its first operation, from its end to who waits
for it, and through the accesses of each finding.

The log has an order and no times: one microsecond of the trace is one operation of the log.

Source: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
(Trace Event Format)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from raceway import __version__
from raceway.report.excerpt import shown_path
from raceway.report.traced import TracedAccesses
from raceway.report.words import title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from raceway.model.findings import Finding, Report
    from raceway.model.run_trace import RunTrace, TracedActor, TracedEvent

SCALE: Final = "one microsecond is one operation of the recording, in its order: this is not time"
_SPANS: Final = frozenset({"request", "call"})


def render_run_trace(report: Report, *, root: str) -> str:
    """Render the run as a trace.

    Args:
        report: What to show; it has a trace of the run.
        root: Folder to which paths below it are shown relative, or an empty string.

    Raises:
        ValueError: There is no trace of the run in the report.
    """
    trace = report.run_trace
    if trace is None:
        raise ValueError(
            "the report has no trace of the run: give --report FILE.trace.json to raceway-run, or "
            "the folder of a run to raceway report"
        )
    told = {
        "raceway": __version__, "time": SCALE, "command": " ".join(report.command),
        "omitted": trace.omitted,
    }  # fmt: skip
    events = list(_Writer(report, trace, root).events())
    document = {"displayTimeUnit": "ns", "otherData": told, "traceEvents": events}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


class _Writer:
    """Gives each actor and lock a track, and writes one event after the other."""

    def __init__(self, report: Report, trace: RunTrace, root: str) -> None:
        self._report = report
        self._trace = trace
        self._root = root
        # Small numbers: those of a run do not fit into 32 bits.
        self._tracks = {actor.number: at for at, actor in enumerate(trace.actors, 1)}
        self._actors = {actor.number: actor for actor in trace.actors}
        self._locks_process = max((actor.process for actor in trace.actors), default=0) + 1
        self._lock_tracks: dict[int, int] = {}
        self._accesses = TracedAccesses(trace)
        self._flows = 0

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield all events."""
        names = {process.pid: process.command for process in self._report.processes}
        for process in dict.fromkeys(actor.process for actor in self._trace.actors):
            yield _named("process_name", process, 0, names.get(process) or f"process {process}")
        for actor in self._trace.actors:
            yield _named("thread_name", actor.process, self._tracks[actor.number], _label(actor))
        yield from self._lifetimes()
        yield from self._spans()
        for event in self._trace.events:
            if event.kind == "hold":
                yield from self._hold(event)
            elif event.kind not in _SPANS:
                yield from self._instant(event)
        for finding in self._report.findings:
            yield from self._finding(finding)
        if self._trace.omitted:
            text = f"{self._trace.omitted} events before this are left out"
            at = self._trace.first
            yield {"ph": "i", "s": "g", "name": text, "ts": at, "pid": 0, "tid": 0}

    # ------------------------------------------------------------ tracks of actors

    def _lifetimes(self) -> Iterator[dict[str, Any]]:
        """Yield a slice for each actor, around all that it did."""
        began = {actor.number: max(actor.began, self._trace.first) for actor in self._trace.actors}
        ended = {actor.number: actor.ended for actor in self._trace.actors}
        for event in self._trace.events:
            if event.kind != "hold" and event.actor in began:
                began[event.actor] = min(began[event.actor], event.at)
                ended[event.actor] = max(ended[event.actor], event.until)
        for actor in self._trace.actors:
            begin, end = began[actor.number], ended[actor.number] + 1
            yield self._slice(actor.number, actor.name, "actor", begin, end, {"kind": actor.kind})

    def _spans(self) -> Iterator[dict[str, Any]]:
        """Yield requests; one that would cross another one of its track is cut where that ends."""
        open_until: dict[int, list[int]] = {}
        for event in self._trace.events:
            if event.kind in _SPANS:
                outer = open_until.setdefault(event.actor, [])
                while outer and outer[-1] <= event.at:
                    outer.pop()
                until = min(event.until + 1, *outer) if outer else event.until + 1
                outer.append(until)
                args = {"status": event.detail}
                yield self._slice(event.actor, event.name, event.kind, event.at, until, args)

    def _instant(self, event: TracedEvent) -> Iterator[dict[str, Any]]:
        args: dict[str, Any] = self._place(event)
        if event.kind == "access":
            name = f"{event.detail} {event.name}"
            args["locks"] = ", ".join(event.locks) or "none"
        elif event.kind == "query":
            name = event.name
            args["database"] = event.detail
        else:
            name = f"{event.kind} {event.name}"
        yield self._slice(event.actor, name, event.kind, event.at, event.at + 1, args)
        other = self._actors.get(event.other) if event.kind in ("start", "join") else None
        if other is None:
            return
        here = (event.actor, event.at)
        if event.kind == "start" and other.began >= event.at:
            yield from self._arrow("start", [here, (other.number, other.began)])
        elif event.kind == "join" and other.ended <= event.at:
            yield from self._arrow("join", [(other.number, other.ended), here])

    # ------------------------------------------------------------ tracks of locks

    def _hold(self, event: TracedEvent) -> Iterator[dict[str, Any]]:
        track = self._lock_tracks.get(event.other)
        if track is None:
            if not self._lock_tracks:
                yield _named("process_name", self._locks_process, 0, "locks, and who holds them")
            track = len(self._tracks) + len(self._lock_tracks) + 1
            self._lock_tracks[event.other] = track
            yield _named("thread_name", self._locks_process, track, event.name)
        holder = self._actors.get(event.actor)
        yield {
            "ph": "X", "cat": "lock", "name": holder.name if holder else f"actor {event.actor}",
            "ts": event.at, "dur": max(1, event.until - event.at), "pid": self._locks_process,
            "tid": track, "args": self._place(event),
        }  # fmt: skip

    # ------------------------------------------------------------ findings

    def _finding(self, finding: Finding) -> Iterator[dict[str, Any]]:
        found = [self._trace.events[position] for position in self._accesses.of(finding)]
        args = {
            "severity": finding.severity, "certainty": finding.certainty,
            "message": finding.message, "why": finding.why, "fix": finding.fix,
        }  # fmt: skip
        name = f"{finding.id} {title(finding)}"
        for event in found:
            pid, tid = self._track(event.actor)
            yield {
                "ph": "i", "s": "t", "cat": "finding", "name": name, "ts": event.at, "pid": pid,
                "tid": tid, "args": args,
            }  # fmt: skip
        if not found:  # what it is about was left out, or is no access
            at = self._trace.events[-1].until if self._trace.events else 0
            yield {
                "ph": "i", "s": "g", "cat": "finding", "name": name, "ts": at, "pid": 0, "tid": 0,
                "args": args,
            }  # fmt: skip
        yield from self._arrow(finding.id, [(event.actor, event.at) for event in found])

    # ------------------------------------------------------------ pieces

    def _track(self, actor: int) -> tuple[int, int]:
        known = self._actors.get(actor)
        return (known.process, self._tracks[actor]) if known else (0, 0)

    def _slice(
        self, actor: int, name: str, kind: str, began: int, until: int, args: dict[str, Any]
    ) -> dict[str, Any]:
        pid, tid = self._track(actor)
        return {
            "ph": "X", "cat": kind, "name": name, "ts": began, "dur": max(1, until - began),
            "pid": pid, "tid": tid, "args": args,
        }  # fmt: skip

    def _arrow(self, name: str, stops: Iterable[tuple[int, int]]) -> Iterator[dict[str, Any]]:
        stops = [stop for stop in stops if stop[0] in self._actors]
        if len(stops) < 2:
            return
        self._flows += 1
        for number, (actor, at) in enumerate(stops):
            phase = "s" if not number else "f" if number == len(stops) - 1 else "t"
            pid, tid = self._track(actor)
            event = {
                "ph": phase, "cat": "flow", "name": name, "id": self._flows, "ts": at, "pid": pid,
                "tid": tid,
            }  # fmt: skip
            yield event | ({"bp": "e"} if phase != "s" else {})

    def _place(self, event: TracedEvent) -> dict[str, Any]:
        if not event.file:
            return {}
        shown = f"{shown_path(event.file, self._root)}:{event.line}"
        return {"at": shown, "in": event.function}


def _label(actor: TracedActor) -> str:
    return actor.name if actor.kind == "thread" else f"{actor.kind} {actor.name}"


def _named(what: str, process: int, track: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": track, "args": {"name": name}}
