"""``/api/v1/timeline``: what happened in a run, in a trace, or around a finding."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from raceway.model.findings import Report
from raceway.pipeline.run_trace import EVENTS_KEPT
from raceway.report.run_timeline import Timeline
from raceway.report.run_trace import render_run_trace
from raceway.server import parameters
from raceway.server.answers import Refusal, success
from raceway.server.context import in_thread
from raceway.server.event_trace import trace_near, trace_of_events
from raceway.server.finding_model import finding_of
from raceway.server.places import SourceFolders
from raceway.server.senders import run_of
from raceway.server.wire import Refused, uuid_bytes, uuid_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from raceway.model.run_trace import RunTrace
    from raceway.server.context import ServerContext
    from raceway.server.event_reader import Stored

_KEPT: Final = 4
_MOST_FINDINGS: Final = 200
_WHOLE: Final = (-(1 << 62), 1 << 62)
_SECOND: Final = 1_000_000_000
QUESTIONS: Final = ("finding", "trace", "run")


class TimelineReader:
    """Puts timelines together; the latest are remembered, as a page asks twice.

    Args:
        context: Of the server.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._root = context.root
        self._sources = SourceFolders(context.options.sources)
        self._lock = threading.Lock()
        self._known: dict[tuple[Any, ...], Report] = {}

    def report(self, chosen: dict[str, str], most: int) -> Report:
        """Return findings and what happened around them.

        Args:
            chosen: One of ``finding``, ``trace`` and ``run``.
            most: How many events, about.

        Raises:
            Refusal: There is no such thing.
        """
        what = next((name for name in QUESTIONS if chosen.get(name)), "")
        if not what:
            raise Refusal("say of what: run, trace or finding")
        events, _ = self._context.events.totals()
        key = (what, chosen[what], most, events, self._context.findings.changed())
        with self._lock:  # one at a time: each takes a second of a processor
            report = self._known.get(key)
            if report is None:
                read = {"finding": self._finding, "trace": self._trace, "run": self._run}[what]
                report = self._known[key] = read(chosen[what], most)
                while len(self._known) > _KEPT:
                    del self._known[next(iter(self._known))]
        return report

    def timeline(self, chosen: dict[str, str], most: int = EVENTS_KEPT) -> Timeline:
        """Return a timeline; arguments and errors are those of :meth:`report`."""
        return Timeline(self.report(chosen, most), self._root)

    def perfetto(self, chosen: dict[str, str], most: int = EVENTS_KEPT) -> str:
        """Return the same in the Trace Event Format."""
        return render_run_trace(self.report(chosen, most), root=self._root)

    # ------------------------------------------------------------ questions

    def _report(self, trace: RunTrace, found: list[dict[str, Any]]) -> Report:
        findings = tuple(map(finding_of, found[:_MOST_FINDINGS]))
        return Report(findings=findings, run_trace=trace)

    def _run(self, run: str, most: int) -> Report:
        store = self._context.findings
        rows = store.ask("SELECT instance, events, first, last FROM run WHERE id = ?", run)
        if not rows:
            raise Refusal(f"Run {run[:80]!r} not found", 404)
        (row,) = rows
        trace = trace_near(
            self._context.events, self._sources, lambda event: run_of(event.event.metadata) == run,
            time=row["last"], first=row["first"], last=row["last"],
            needles=_needles(row["instance"]), most=most, total=row["events"],
        )  # fmt: skip
        return self._report(
            trace, store.findings("id IN (SELECT finding FROM run_finding WHERE run = ?)", run)
        )

    def _trace(self, text: str, most: int) -> Report:
        try:
            found = uuid_bytes(text)
        except Refused:
            raise Refusal("Invalid trace ID format") from None
        events = self._context.events.events_of(found, most)
        if not events:
            raise Refusal("Trace not found", 404)
        trace = trace_of_events(events, self._sources)
        return self._report(trace, self._context.findings.of_trace(uuid_text(found)))

    def _finding(self, finding_id: str, most: int) -> Report:
        store = self._context.findings
        finding = store.finding(finding_id)
        if finding is None:
            raise Refusal("Finding not found", 404)
        seen = store.sightings(finding_id)
        if not seen:
            return self._report(trace_of_events([], self._sources), [finding])
        latest = seen[0]
        traces = {latest["trace"], latest["other"]} - {""}

        def wanted(event: Stored) -> bool:
            return run_of(event.event.metadata) == latest["run"] or event.event.trace_id in traces

        rows = store.ask("SELECT instance, first, last FROM run WHERE id = ?", latest["run"])
        first, last = (rows[0]["first"], rows[0]["last"]) if rows else _WHOLE
        needles: tuple[bytes, ...] = ()
        if rows:
            needles = _needles(rows[0]["instance"])
        if needles:
            needles += tuple(trace.encode() for trace in traces)
        # The other side may be of a process whose run began before and ended after this one.
        trace = trace_near(
            self._context.events, self._sources, wanted, time=latest["time"],
            first=min(first, latest["time"] - 600 * _SECOND), last=max(last, latest["time"]),
            needles=needles, most=most,
        )  # fmt: skip
        return self._report(trace, [finding])


def _needles(instance: str) -> tuple[bytes, ...]:
    """Return what each event of a process has in it, if its name is written in one way only."""
    plain = instance.isascii() and json.dumps(instance) == f'"{instance}"' and "/" not in instance
    return (instance.encode(),) if plain and instance else ()


def chosen_of(request: Request) -> dict[str, str]:
    """Return what a request asks a timeline of."""
    return {name: request.query_params.get(name, "") for name in QUESTIONS}


def timeline_routes(reader: TimelineReader) -> list[BaseRoute]:
    """Return the routes."""

    def most_of(request: Request) -> int:
        return parameters.number(request, "limit", EVENTS_KEPT, 1, EVENTS_KEPT)

    async def timeline(request: Request) -> Response:
        chosen, most = chosen_of(request), most_of(request)
        return await in_thread(lambda: success(reader.timeline(chosen, most).document()))

    async def perfetto(request: Request) -> Response:
        text = await in_thread(reader.perfetto, chosen_of(request), most_of(request))
        headers = {"content-disposition": 'attachment; filename="run.trace.json"'}
        return Response(text, media_type="application/json", headers=headers)

    return [
        Route("/api/v1/timeline", timeline, name="v1_timeline"),
        Route("/api/v1/timeline/trace.json", perfetto, name="v1_timeline_trace"),
    ]
