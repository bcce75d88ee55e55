"""``/api/traces``: the traces, and what can be said of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.routing import Route

from raceway.server import parameters
from raceway.server.answers import Refusal, success
from raceway.server.context import in_thread
from raceway.server.event_reader import EVENTS_SHOWN
from raceway.server.trace_analysis import (
    anomalies,
    audit_trails,
    critical_path,
    service_dependencies,
)
from raceway.server.wire import time_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from raceway.server.context import ServerContext
    from raceway.server.event_reader import Stored, TraceRow


def trace_summary(row: TraceRow) -> dict[str, Any]:
    """Return a trace as lists show it."""
    return {
        "trace_id": row.id,
        "event_count": row.events,
        "first_timestamp": time_text(row.first),
        "last_timestamp": time_text(row.last),
        "service_count": len(row.services),
        "services": list(row.services),
    }


def race_details(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return findings as upstream's API writes races."""
    details = []
    for finding in findings:
        sides = finding["accesses"]
        if len(sides) < 2 or finding["type"] == "lock-order-inversion":
            continue
        one, two = sides[0], sides[-1] if finding["type"] == "atomicity-violation" else sides[1]
        details.append(
            {
                "id": finding["id"],
                "severity": finding["severity"].upper(),
                "certainty": finding["certainty"],
                "variable": finding["variable"],
                "event1_thread": one["actor"],
                "event2_thread": two["actor"],
                "event1_location": one["location"],
                "event2_location": two["location"],
                "description": finding["message"],
            }
        )
    return details


class TraceReader:
    """Puts together what is known of one trace.

    Args:
        context: Of the server.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    def events(self, trace: bytes) -> list[Stored]:
        """Return the events of a trace.

        Raises:
            Refusal: There is no such trace.
        """
        found = self._context.events.events_of(trace)
        if not found:
            raise Refusal("Trace not found", 404)
        return found

    def racing(self, text: str) -> tuple[list[dict[str, Any]], dict[str, set[str]]]:
        """Return the findings of a trace, and by variable where they are."""
        findings = self._context.findings.of_trace(text)
        places: dict[str, set[str]] = {}
        for finding in findings:
            places.setdefault(finding["variable"], set()).update(
                side["location"] for side in finding["accesses"]
            )
        return findings, places

    def dependencies(self, text: str, trace: bytes, events: list[Stored]) -> dict[str, Any]:
        """Return who called whom in a trace."""
        services, calls = service_dependencies(events, self._context.events.spans(trace))
        return {
            "trace_id": text,
            "services": [
                {"name": name, "event_count": count} for name, count in sorted(services.items())
            ],
            "dependencies": [
                {"from": one, "to": two, "call_count": count}
                for (one, two), count in sorted(calls.items())
            ],
        }

    def whole(self, text: str, trace: bytes) -> dict[str, Any]:
        """Return all that is known of a trace."""
        events = self.events(trace)
        findings, places = self.racing(text)
        details = race_details(findings)
        return {
            "trace_id": text,
            "events": [msgspec.Raw(event.raw) for event in events],
            "truncated": len(events) >= EVENTS_SHOWN,
            "audit_trails": audit_trails(events, places),
            "analysis": {
                "concurrent_events": len(details),
                "potential_races": len(details),
                "anomalies": [f"{one['severity']}: {one['description']}" for one in details],
                "race_details": details,
            },
            "findings": [finding["id"] for finding in findings],
            "critical_path": critical_path(text, events),
            "anomalies": anomalies(events),
            "dependencies": self.dependencies(text, trace, events),
        }


def trace_routes(context: ServerContext) -> list[BaseRoute]:
    """Return the routes."""
    reader = TraceReader(context)

    async def traces(request: Request) -> Response:
        page, size = parameters.page(request, 20)
        fewest = parameters.number(request, "min_events", 0, 0, 2**40)
        total, rows = await in_thread(context.events.traces, page, size, fewest)
        return success(
            {
                "total_traces": total,
                "page": page,
                "page_size": size,
                "total_pages": parameters.pages(total, size),
                "traces": [trace_summary(row) for row in rows],
            }
        )

    async def trace(request: Request) -> Response:
        return success(await in_thread(reader.whole, *parameters.trace_id(request)))

    async def path(request: Request) -> Response:
        text, found = parameters.trace_id(request)
        return success(await in_thread(lambda: critical_path(text, reader.events(found))))

    async def unusual(request: Request) -> Response:
        text, found = parameters.trace_id(request)
        events = await in_thread(context.events.events_of, found)
        rows = await in_thread(anomalies, events)
        return success({"trace_id": text, "anomaly_count": len(rows), "anomalies": rows})

    async def dependencies(request: Request) -> Response:
        text, found = parameters.trace_id(request)
        return success(
            await in_thread(lambda: reader.dependencies(text, found, reader.events(found)))
        )

    async def audit_trail(request: Request) -> Response:
        text, found = parameters.trace_id(request)
        name = request.path_params["variable"]

        def read() -> list[Any]:
            trails = audit_trails(reader.events(found), reader.racing(text)[1])
            if name not in trails:
                raise Refusal("Variable not found in this trace", 404)
            return trails[name]

        return success({"trace_id": text, "variable": name, "accesses": await in_thread(read)})

    async def analyze(request: Request) -> Response:
        text, found = parameters.trace_id(request)
        row = await in_thread(context.events.trace, found)
        if row is None:
            raise Refusal("Trace not found", 404)
        details = race_details(await in_thread(context.findings.of_trace, text))
        return success(
            {
                "trace_id": text,
                "total_events": row.events,
                "concurrent_events": len(details),
                "potential_races": len(details),
                "anomalies": [f"{one['severity']}: {one['description']}" for one in details],
                "race_details": details,
            }
        )

    async def analyze_all(_request: Request) -> Response:
        events, total = await in_thread(context.events.totals)
        findings = await in_thread(context.findings.findings, "status != 'suppressed'")
        details = race_details(findings)
        for detail in details[:100]:
            seen = await in_thread(context.findings.sightings, detail["id"])
            latest: dict[str, Any] = seen[0] if seen else {"trace": "", "other": "", "time": 0}
            when = time_text(latest["time"])
            when = f"{when[:10]} {when[11:23]} UTC"
            detail |= {
                "trace1_id": latest["other"], "trace2_id": latest["trace"],
                "event1_timestamp": when, "event2_timestamp": when,
            }  # fmt: skip
        return success(
            {
                "total_traces": total,
                "total_events": events,
                "concurrent_events": len(details),
                "potential_races": len(details),
                "anomalies": [f"{one['severity']}: {one['description']}" for one in details[:100]],
                "race_details": details[:100],
            }
        )

    return [
        Route("/api/traces", traces, name="traces"),
        Route("/api/traces/{trace_id}", trace, name="trace"),
        Route("/api/traces/{trace_id}/analyze", analyze, name="trace_analysis"),
        Route("/api/traces/{trace_id}/critical-path", path, name="critical_path"),
        Route("/api/traces/{trace_id}/anomalies", unusual, name="anomalies"),
        Route("/api/traces/{trace_id}/dependencies", dependencies, name="trace_dependencies"),
        Route(
            "/api/traces/{trace_id}/audit-trail/{variable:path}", audit_trail, name="audit_trail"
        ),
        Route("/api/analyze/global", analyze_all, name="global_analysis"),
    ]
