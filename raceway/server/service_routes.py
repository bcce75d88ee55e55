"""``/api/services``, ``/api/performance`` and ``/api/distributed``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from raceway.server import parameters
from raceway.server.answers import success
from raceway.server.context import in_thread
from raceway.server.trace_routes import trace_summary
from raceway.server.wire import time_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from raceway.server.context import ServerContext

_BILLION = 1_000_000_000
_MILLION = 1_000_000
_MOST = 1000


def _percentile(ordered: list[float], part: float) -> float:
    """Return a percentile by the nearest rank."""
    if not ordered:
        return 0.0
    return ordered[max(0, min(len(ordered) - 1, round(part * len(ordered) + 0.5) - 1))]


class ServiceReader:
    """Puts together what is known of services.

    Args:
        context: Of the server.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    def health(self, minutes: int) -> list[dict[str, Any]]:
        """Return the services that were seen lately, and when."""
        now = time.time()
        rows = []
        for name, events, traces, last in self._context.events.services():
            idle = max(0.0, (now - last / _BILLION) / 60)
            if idle > minutes:
                continue
            status = "healthy" if idle < 5 else "warning" if idle < 30 else "critical"
            rows.append(
                {
                    "name": name,
                    "status": status,
                    "trace_count": traces,
                    "last_activity": time_text(last),
                    "avg_events_per_trace": events / traces if traces else 0.0,
                    "minutes_since_last_activity": int(idle),
                }
            )
        return rows

    def performance(self, limit: int) -> dict[str, Any]:
        """Return how long things take."""
        context = self._context
        traces = context.events.latencies(limit)
        took = sorted((row.last - row.first) / _MILLION for row in traces)
        slowest = sorted(traces, key=lambda row: row.first - row.last)[:10]
        operations = context.findings.ask("SELECT * FROM operation")
        by_type: dict[str, list[int]] = {}
        by_service: dict[str, list[int]] = {}
        for row in operations:
            for table, key in ((by_type, row["kind"]), (by_service, row["service"])):
                counts = table.setdefault(key, [0, 0, 0])
                counts[0] += row["count"]
                counts[1] += row["timed"]
                counts[2] += row["total"]
        timed = sum(counts[1] for counts in by_type.values())
        total = sum(counts[2] for counts in by_type.values())
        seconds = (
            (max(row.last for row in traces) - min(row.first for row in traces)) / _BILLION
            if traces
            else 0.0
        )
        events = sum(row.events for row in traces)
        slow = context.findings.ask("SELECT * FROM slow ORDER BY duration DESC LIMIT 50")
        return {
            "trace_latency": {
                "avg_ms": sum(took) / len(took) if took else 0.0,
                "p50_ms": _percentile(took, 0.5),
                "p95_ms": _percentile(took, 0.95),
                "p99_ms": _percentile(took, 0.99),
                "slowest_traces": [
                    {
                        "trace_id": row.id,
                        "duration_ms": (row.last - row.first) / _MILLION,
                        "services": list(row.services),
                    }
                    for row in slowest
                ],
            },
            "event_performance": {
                "avg_duration_ms": total / timed / _MILLION if timed else 0.0,
                "by_type": [
                    {"type": name, "count": count, "avg_duration_ms": _average(all_, timed_)}
                    for name, (count, timed_, all_) in sorted(by_type.items())
                ],
                "slow_operations": [
                    {
                        "event_id": row["event"],
                        "trace_id": row["trace"],
                        "service": row["service"],
                        "type": row["kind"],
                        "location": row["location"],
                        "duration_ms": row["duration"] / _MILLION,
                        "timestamp": time_text(row["time"]),
                    }
                    for row in slow
                ],
            },
            "service_latency": [
                {"service": name, "event_count": count, "avg_duration_ms": _average(all_, timed_)}
                for name, (count, timed_, all_) in sorted(by_service.items())
            ],
            "throughput": {
                "events_per_second": events / seconds if seconds else 0.0,
                "traces_per_second": len(traces) / seconds if seconds else 0.0,
                "time_range_seconds": seconds,
            },
        }

    def races(self) -> list[dict[str, Any]]:
        """Return the variables with findings, as upstream's API lists candidates."""
        context = self._context
        found: dict[str, dict[str, Any]] = {}
        for finding in context.findings.findings("status != 'suppressed' AND variable != ''"):
            one = found.setdefault(
                finding["variable"],
                {
                    "variable": finding["variable"],
                    "trace_count": 0,
                    "access_count": 0,
                    "access_types": set(),
                    "thread_count": 0,
                    "severity": finding["severity"].upper(),
                    "trace_ids": set(),
                    "findings": [],
                },
            )
            one["findings"].append(finding["id"])
            one["access_types"] |= {side["access"].capitalize() for side in finding["accesses"]}
            for seen in context.findings.sightings(finding["id"]):
                one["trace_ids"] |= {seen["trace"], seen["other"]} - {""}
        for one in found.values():
            for row in context.findings.ask(
                "SELECT sum(reads + writes) AS accesses, max(actors) AS actors,"
                " max(traces) AS traces FROM variable WHERE name = ?",
                one["variable"],
            ):
                one["access_count"] = row["accesses"] or 0
                one["thread_count"] = row["actors"] or 0
                one["trace_count"] = row["traces"] or 0
            one["access_types"] = sorted(one["access_types"])
            one["trace_ids"] = sorted(one["trace_ids"])[:100]
        return list(found.values())

    def hotspots(self) -> dict[str, Any]:
        """Return what is accessed and called most."""
        context = self._context
        rows = context.findings.ask(
            "SELECT name, sum(reads + writes) AS accesses, max(traces) AS traces,"
            " group_concat(services, '|') AS services FROM variable GROUP BY name"
            " ORDER BY 2 DESC, 1 LIMIT 10"
        )
        return {
            "top_variables": [
                {
                    "variable": row["name"],
                    "access_count": row["accesses"],
                    "trace_count": row["traces"],
                    "services": sorted(
                        {one for part in row["services"].split("|") for one in json.loads(part)}
                    ),
                }
                for row in rows
            ],
            "top_service_calls": [
                {"from_service": one, "to_service": two, "call_count": count}
                for one, two, count, _ in context.events.calls()[:10]
            ],
        }


def _average(total: int, timed: int) -> float:
    return total / timed / _MILLION if timed else 0.0


def service_routes(context: ServerContext) -> list[BaseRoute]:
    """Return the routes."""
    reader = ServiceReader(context)

    async def services(_request: Request) -> Response:
        rows = await in_thread(context.events.services)
        return success(
            {
                "total_services": len(rows),
                "services": [
                    {"name": name, "event_count": events, "trace_count": traces}
                    for name, events, traces, _ in rows
                ],
            }
        )

    async def health(request: Request) -> Response:
        minutes = parameters.number(request, "time_window_minutes", 60, 1, 10**9)
        return success(await in_thread(reader.health, minutes))

    async def traces(request: Request) -> Response:
        page, size = parameters.page(request, 100)
        name = request.path_params["name"]
        total, rows = await in_thread(context.events.service_traces, name, page, size)
        return success(
            {
                "service_name": name,
                "total_traces": total,
                "page": page,
                "page_size": size,
                "total_pages": parameters.pages(total, size),
                "traces": [trace_summary(row) for row in rows],
            }
        )

    async def dependencies(request: Request) -> Response:
        name = request.path_params["name"]
        calls = await in_thread(context.events.calls, name)
        return success(
            {
                "service_name": name,
                "calls_to": [
                    {"to": two, "total_calls": count, "trace_count": many}
                    for one, two, count, many in calls
                    if one == name
                ],
                "called_by": [
                    {"from": one, "to": one, "total_calls": count, "trace_count": many}
                    for one, two, count, many in calls
                    if two == name
                ],
            }
        )

    async def performance(request: Request) -> Response:
        limit = parameters.number(request, "limit", 50, 1, _MOST)
        return success(await in_thread(reader.performance, limit))

    async def edges(_request: Request) -> Response:
        calls = await in_thread(context.events.calls)
        return success(
            {
                "total_edges": len(calls),
                "edges": [
                    {
                        "from_service": one,
                        "to_service": two,
                        "link_type": "HttpCall",
                        "call_count": count,
                    }
                    for one, two, count, _ in calls
                ],
            }
        )

    async def races(_request: Request) -> Response:
        found = await in_thread(reader.races)
        return success({"total_races": len(found), "races": found})

    async def hotspots(_request: Request) -> Response:
        return success(await in_thread(reader.hotspots))

    return [
        Route("/api/services", services, name="services"),
        Route("/api/services/health", health, name="services_health"),
        Route("/api/services/{name:path}/traces", traces, name="service_traces"),
        Route("/api/services/{name:path}/dependencies", dependencies, name="service_dependencies"),
        Route("/api/performance/metrics", performance, name="performance"),
        Route("/api/distributed/edges", edges, name="edges"),
        Route("/api/distributed/global-races", races, name="global_races"),
        Route("/api/distributed/hotspots", hotspots, name="hotspots"),
    ]
