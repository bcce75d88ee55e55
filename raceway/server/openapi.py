"""``/openapi.json``: the routes, with the types that requests are decoded into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.routing import Route

from raceway import __version__
from raceway.pipeline.run_trace import EVENTS_KEPT
from raceway.server.answers import Json
from raceway.server.own_routes import StatusChange
from raceway.server.trace_analysis import Anomaly, AuditEntry, CriticalPath
from raceway.server.wire import KINDS, Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

_NUMBER: Final = {"type": "integer", "minimum": 1}
_PAGE: Final = {"page": _NUMBER, "page_size": {**_NUMBER, "maximum": 1000}}
_TEXT: Final = {"type": "string"}
_FIELDS: Final = ("status", "severity", "type", "certainty", "service", "run", "q")
_CHOICE: Final = dict.fromkeys(_FIELDS, _TEXT)
_TIMELINE: Final = {
    **dict.fromkeys(("run", "trace", "finding"), _TEXT),
    "limit": {**_NUMBER, "maximum": EVENTS_KEPT},
}
_SUMMARIES: Final[dict[str, tuple[str, dict[str, Any], Any]]] = {
    "ingest": ("Take a batch of events", {}, _TEXT),
    "health": ("Whether events can be taken", {}, {"type": "object"}),
    "status": ("Version, counts, and how far the analysis is", {}, {"type": "object"}),
    "metrics": ("Numbers for Prometheus", {}, None),
    "login": ("Open a session with a key or the password", {}, None),
    "logout": ("End the session", {}, None),
    "check": ("Whether a key is needed, and given", {}, None),
    "traces": (
        "Traces, newest first",
        {**_PAGE, "min_events": {"type": "integer", "minimum": 0}},
        {"type": "object"},
    ),
    "trace": ("A trace with its events and all that is known of it", {}, {"type": "object"}),
    "trace_analysis": ("The races of a trace", {}, {"type": "object"}),
    "critical_path": ("What decided how long a trace took", {}, CriticalPath),
    "anomalies": ("What took unusually long in a trace", {}, Anomaly),
    "trace_dependencies": ("Which service called which in a trace", {}, {"type": "object"}),
    "audit_trail": ("The accesses of a variable in a trace", {}, AuditEntry),
    "global_analysis": ("The races of all traces", {}, {"type": "object"}),
    "services": ("All services", {}, {"type": "object"}),
    "services_health": (
        "When each service was active", {"time_window_minutes": _NUMBER}, {"type": "array"}
    ),
    "service_traces": ("The traces of a service", _PAGE, {"type": "object"}),
    "service_dependencies": ("Who calls a service, and whom it calls", {}, {"type": "object"}),
    "performance": ("How long things take", {"limit": _NUMBER}, {"type": "object"}),
    "edges": ("Which service calls which", {}, {"type": "object"}),
    "global_races": ("Variables with findings", {}, {"type": "object"}),
    "hotspots": ("What is accessed and called most", {}, {"type": "object"}),
    "v1_findings": ("Findings, worst first", _CHOICE, {"type": "object"}),
    "v1_finding": ("A finding and where it was seen", {}, {"type": "object"}),
    "v1_status": ("Change the status of a finding", {}, {"type": "object"}),
    "v1_runs": ("The processes that have sent events", {}, {"type": "object"}),
    "v1_compare": (
        "What one run has found and another one has not",
        {"before": _TEXT, "after": _TEXT},
        {"type": "object"},
    ),
    "v1_variables": (
        "Variables; with a name, its latest accesses",
        {"name": _TEXT, "limit": _NUMBER},
        {"type": "object"},
    ),
    "v1_locks": ("Locks, and the order in which they are taken", {}, {"type": "object"}),
    "v1_actors": ("Threads, tasks and greenlets", {"run": _TEXT}, {"type": "object"}),
    "v1_timeline": (
        "What happened in a run, in a trace, or around a finding", _TIMELINE, {"type": "object"}
    ),
    "v1_timeline_trace": ("The same in the Trace Event Format, for Perfetto", _TIMELINE, None),
    "v1_system": ("How the server is", {}, {"type": "object"}),
    "live": ("Server-sent events: something was found", {}, None),
    "openapi": ("This document", {}, None),
}  # fmt: skip
_BODIES: Final = {"ingest": "Batch", "v1_status": "StatusChange"}


def openapi_route(routes: Iterable[BaseRoute]) -> Route:
    """Return the route that describes all others."""
    document = describe([*routes, Route("/openapi.json", _nothing, name="openapi")])

    async def openapi(_request: Request) -> Response:
        return Json(document)

    return Route("/openapi.json", openapi, name="openapi")


async def _nothing(_request: Request) -> Response:
    return Json(None)


def describe(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of the routes that answer with data."""
    types: list[Any] = [Event, StatusChange, CriticalPath, Anomaly, AuditEntry, *KINDS.values()]
    _, schemas = msgspec.json.schema_components(
        list(dict.fromkeys(types)), schema_hook=_any, ref_template="#/components/schemas/{name}"
    )
    schemas["Event"]["properties"]["kind"] = {
        "oneOf": [
            {
                "type": "object",
                "properties": {name: {"$ref": f"#/components/schemas/{kind.__name__}"}},
                "required": [name],
                "additionalProperties": False,
            }
            for name, kind in KINDS.items()
        ]
    }
    for name in ("id", "trace_id"):
        schemas["Event"]["properties"][name] = {"type": "string", "format": "uuid"}
    schemas["Event"]["properties"]["timestamp"] = {"type": "string", "format": "date-time"}
    schemas["Batch"] = {
        "type": "object",
        "required": ["events"],
        "properties": {
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}
        },
    }
    paths: dict[str, Any] = {}
    for route in routes:
        if isinstance(route, Route) and route.name in _SUMMARIES:
            path = re.sub(r":path}", "}", route.path)
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                paths.setdefault(path, {})[method.lower()] = _operation(route, path)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Raceway", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _any(kind: type) -> dict[str, Any]:
    """Describe what is free in form."""
    return {"description": "any JSON"}


def _operation(route: Route, path: str) -> dict[str, Any]:
    summary, query, data = _SUMMARIES[route.name]
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {**_TEXT, "format": "uuid"} if name == "trace_id" else _TEXT,
        }
        for name in re.findall(r"{(\w+)}", path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": name in {"before", "after"}, "schema": schema}
        for name, schema in query.items()
    ]
    answer: dict[str, Any] = {"description": "The answer"}
    if data is not None:
        answer["content"] = {"application/json": {"schema": _envelope(data)}}
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": answer, "default": {"description": "Refused; `error` says why"}},
    }
    if route.name in _BODIES:
        schema = {"$ref": f"#/components/schemas/{_BODIES[route.name]}"}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _envelope(data: Any) -> dict[str, Any]:
    described = data
    if isinstance(data, type):
        reference = {"$ref": f"#/components/schemas/{data.__name__}"}
        key = {"Anomaly": "anomalies", "AuditEntry": "accesses"}.get(data.__name__)
        described = reference
        if key:
            items = {"type": "array", "items": reference}
            described = {"type": "object", "properties": {key: items}}
    return {
        "type": "object",
        "required": ["success", "data", "error"],
        "properties": {
            "success": {"type": "boolean"},
            "data": described,
            "error": {"type": ["string", "null"]},
        },
    }
