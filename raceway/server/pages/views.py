"""The routes of the pages."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, quote, urlencode

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from raceway import __version__
from raceway.model.findings import SEVERITIES, Report
from raceway.report.html_report import finding_body
from raceway.report.markdown import render_markdown
from raceway.report.reading import report_of
from raceway.report.rules import RULES
from raceway.server import parameters
from raceway.server.answers import Refusal
from raceway.server.context import in_thread
from raceway.server.findings_store import STATUSES
from raceway.server.gate import COOKIE
from raceway.server.keys import SESSION_SECONDS
from raceway.server.observations import describe, location_of
from raceway.server.own_routes import OwnReader
from raceway.server.places import SourceFolders
from raceway.server.service_routes import ServiceReader
from raceway.server.trace_analysis import by_time
from raceway.server.trace_routes import TraceReader
from raceway.server.wire import time_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from raceway.model.findings import Finding
    from raceway.server.context import ServerContext

_STATIC: Final = {
    "pages.css": "text/css",
    "pages.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "htmx.LICENSE": "text/plain",
    "icon.svg": "image/svg+xml",
}
_EVENTS_SHOWN: Final = 500
_MOST_FORM: Final = 16 * 1024
_MILLION: Final = 1_000_000


def when(value: int) -> str:
    """Return a time as text, to the millisecond, in UTC."""
    text = time_text(value)
    return f"{text[:10]} {text[11:23]}Z"


def ago(value: int) -> str:
    """Return how long ago a time is."""
    seconds = datetime.now(timezone.utc).timestamp() - value / 1e9
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now" if seconds < 5 else f"{seconds:.0f} s ago"


class Pages:
    """Renders the pages of one server.

    Args:
        context: Of the server.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._own = OwnReader(context)
        self._traces = TraceReader(context)
        self._services = ServiceReader(context)
        self._sources = SourceFolders(context.options.sources)
        self._root = os.path.realpath(next(iter(context.options.sources), "."))
        self._templates = Environment(
            loader=PackageLoader("raceway.server.pages"), autoescape=True, trim_blocks=True
        )
        self._templates.filters |= {"when": when, "ago": ago, "short": self._short}

    def _short(self, location: str) -> str:
        return location.removeprefix(self._root + os.sep)

    def render(self, template: str, here: str, status: int = 200, **values: Any) -> Response:
        """Render a template."""
        text = self._templates.get_template(template).render(
            version=__version__, here=here, problem=self._context.intake.problem, **values
        )
        return HTMLResponse(text, status, {"cache-control": "no-store"})

    # ------------------------------------------------------------ findings

    def findings(self, chosen: dict[str, str], url: str, base: str) -> Response:
        """Return the page of all findings."""
        events, _ = self._context.events.totals()
        services = [name for name, *_ in self._context.events.services()][:200]
        choices = [
            ("status", STATUSES), ("severity", SEVERITIES[::-1]),
            ("type", [rule.type for rule in RULES]), ("certainty", ("observed", "predicted")),
            ("service", services),
        ]  # fmt: skip
        return self.render(
            "findings.html", "/", findings=self._own.findings(chosen), chosen=chosen, url=url,
            choices=choices, filtered=any(chosen.values()), events=events, base=base,
        )  # fmt: skip

    def finding(self, finding_id: str) -> Response:
        """Return the page of one finding."""
        one = self._own.finding(finding_id)
        body = finding_body(_model(one), root=self._root, read_line=self._sources.line)
        return self.render(
            "finding.html", "", one=one, body=Markup(body), statuses=STATUSES  # noqa: S704 - escaped there
        )  # fmt: skip

    def markdown(self, finding_id: str) -> Response:
        """Return one finding as Markdown."""
        found = _model(self._own.finding(finding_id))
        text = render_markdown(
            Report(findings=(found,)), root=self._root, read_line=self._sources.line
        )
        return PlainTextResponse(text, media_type="text/markdown")

    # ------------------------------------------------------------ lists

    def _list(self, here: str, title: str, *sections: dict[str, Any], **more: Any) -> Response:
        return self.render("list.html", here, title=title, sections=sections, **more)

    def variables(self) -> Response:
        """Return the page of variables."""
        rows = [
            (_link(one["name"], "/variable", name=one["name"]), one["reads"], one["writes"],
             one["actors"], one["traces"], ", ".join(one["services"]), ago(one["last"]))
            for one in self._own.variables()
        ]  # fmt: skip
        heads = ["variable", "reads", "writes", "actors", "traces", "services", "last"]
        return self._list("/variables", "Variables", {"heads": heads, "rows": rows})

    def variable(self, name: str) -> Response:
        """Return the page of one variable: who has accessed it, under which locks."""
        found = self._own.variables(name)
        if not found:
            raise Refusal("Variable not found", 404)
        findings = self._context.findings.findings("variable = ?", name)
        heads = ["time", "access", "value", "actor", "place", "locks", "trace"]
        sections: list[dict[str, Any]] = [{"title": "Findings", "findings": findings}]
        for one in found[:20]:
            rows = [
                (when(entry["time"]), entry["operation"],
                 repr(entry["value"]) if entry["has_value"] else "", entry["actor"],
                 self._short(entry["location"]), ", ".join(entry["locks"]),
                 _link(entry["trace"][:8], f"/traces/{entry['trace']}"))
                for entry in one["accesses"]
            ]  # fmt: skip
            where = f"Latest accesses in {one['scope']}" if one["scope"] else "Latest accesses"
            sections.append({"title": where, "heads": heads, "rows": rows})
        return self._list("", name, *sections)

    def locks(self) -> Response:
        """Return the page of locks."""
        found = self._own.locks()
        locks = [
            (one["name"], one["kind"], one["taken"], one["actors"],
             f"{one['held'] / max(1, one['taken']) / _MILLION:.2f} ms",
             f"{one['longest'] / _MILLION:.2f} ms", one["scope"])
            for one in found["locks"]
        ]  # fmt: skip
        names = {one["id"]: one["name"] for one in found["locks"]}
        order = [
            (names.get(one["outside"], one["outside"]), names.get(one["inside"], one["inside"]),
             one["count"], self._short(one["location"]))
            for one in found["order"]
        ]  # fmt: skip
        inversions = self._context.findings.findings("type = 'lock-order-inversion'")
        return self._list(
            "/locks",
            "Locks",
            {"title": "Opposite orders", "findings": inversions},
            {
                "title": "Locks",
                "heads": ["lock", "type", "taken", "actors", "held on average", "longest", "run"],
                "rows": locks,
            },
            {
                "title": "Order",
                "heads": ["held", "taken inside", "times", "place"],
                "rows": order,
            },
        )

    def runs(self, before: str, after: str, run: str) -> Response:
        """Return the page of runs, or what differs between two."""
        runs = self._own.runs()
        names = [one["id"] for one in runs]
        sections: list[dict[str, Any]] = []
        if before and after:
            found = self._own.compare(before, after)
            sections += [
                {"title": "New", "findings": found["new"]},
                {"title": "Known", "findings": found["known"]},
                {"title": "Not seen any more", "findings": found["gone"]},
            ]
        if run:
            sections.append(
                {"title": f"Findings of {run}", "findings": self._own.findings({"run": run})}
            )
        rows = [
            (_link(one["id"], "/runs", run=one["id"]), one["environment"], one["language"],
             one["events"], one["findings"], ago(one["last"]))
            for one in runs
        ]  # fmt: skip
        heads = ["run", "environment", "language", "events", "findings", "last"]
        sections.append({"title": "Runs", "heads": heads, "rows": rows})
        compare = (
            {"runs": names, "before": before or names[-1], "after": after or names[0]}
            if names
            else None
        )
        return self._list("/runs", "Runs", *sections, compare=compare)

    def traces(self, page: int, size: int) -> Response:
        """Return the page of traces."""
        total, found = self._context.events.traces(page, size, 0)
        rows = [
            (_link(one.id, f"/traces/{one.id}"), one.events, ", ".join(one.services),
             f"{(one.last - one.first) / _MILLION:.1f} ms", when(one.first))
            for one in found
        ]  # fmt: skip
        further = []
        if page > 1:
            further.append(("newer", f"/traces?page={page - 1}"))
        if page * size < total:
            further.append(("older", f"/traces?page={page + 1}"))
        heads = ["trace", "events", "services", "duration", "begun"]
        return self._list(
            "/traces", "Traces", {"heads": heads, "rows": rows}, pages=further,
            lead=f"{total:,} traces, newest first",
        )  # fmt: skip

    def trace(self, text: str, found: bytes) -> Response:
        """Return the page of one trace."""
        events = self._traces.events(found)
        whole = self._traces.whole(text, found)
        path, unusual = whole["critical_path"], whole["anomalies"]
        parents = {event.id: event.parent for event in events}
        rows = [
            (f"+{(event.time - events[0].time) / _MILLION:.3f} ms",
             "· " * _depth(parents, event.id) + describe(event), event.event.metadata.thread_id,
             event.event.metadata.service_name, self._short(location_of(event)))
            for event in by_time(events)[:_EVENTS_SHOWN]
        ]  # fmt: skip
        steps = [
            (step.kind, f"{step.duration_ms:.3f} ms", self._short(step.location))
            for step in (path.path[:_EVENTS_SHOWN] if path else ())
        ]
        odd = [(one.event_kind, one.severity, one.description) for one in unusual]
        calls = [
            (one["from"], one["to"], one["call_count"])
            for one in whole["dependencies"]["dependencies"]
        ]
        heads = ["time", "event", "thread", "service", "place"]
        return self._list(
            "", f"Trace {text[:8]}",
            {"title": "Findings", "findings": self._context.findings.of_trace(text)},
            {"title": "Events", "heads": heads, "rows": rows},
            {"title": "Critical path", "heads": ["event", "took", "place"], "rows": steps},
            {"title": "Anomalies", "heads": ["event", "severity", "why"], "rows": odd},
            {"title": "Calls", "heads": ["from", "to", "calls"], "rows": calls},
            lead=f"{text}: {len(events):,} events",
        )  # fmt: skip

    def services(self) -> Response:
        """Return the page of services."""
        rows = [
            (name, events, traces, ago(last))
            for name, events, traces, last in self._context.events.services()
        ]
        calls = [(one, two, count, many) for one, two, count, many in self._context.events.calls()]
        hot = self._services.hotspots()["top_variables"]
        return self._list(
            "/services", "Services",
            {"title": "Services", "heads": ["service", "events", "traces", "last"], "rows": rows},
            {"title": "Calls", "heads": ["from", "to", "calls", "traces"], "rows": calls},
            {"title": "Used most", "heads": ["variable", "accesses", "traces"], "rows": [
                (_link(one["variable"], "/variable", name=one["variable"]), one["access_count"],
                 one["trace_count"]) for one in hot]},
        )  # fmt: skip


def _link(text: str, path: str, **query: str) -> dict[str, str]:
    return {"text": text, "href": quote(path) + (f"?{urlencode(query)}" if query else "")}


def _depth(parents: dict[str, str], event: str) -> int:
    depth = 0
    while depth < 12 and parents.get(event) in parents:
        event = parents[event]
        depth += 1
    return depth


def _model(document: dict[str, Any]) -> Finding:
    """Return the finding that a row describes."""
    report = {"findings": [document], "counts": {}, "processes": [], "notes": [], "command": []}
    plain = {**document, "suppressed": None, "known": False, "same_as": None}
    return report_of({**report, "findings": [plain], "exit_status": None}).findings[0]


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_FORM:
            raise Refusal("the form is too large", 413)
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def page_routes(context: ServerContext) -> list[BaseRoute]:
    """Return the routes."""
    pages = Pages(context)

    async def findings(request: Request) -> Response:
        names = ("status", "severity", "type", "certainty", "service", "run", "q")
        chosen = {name: request.query_params.get(name, "") for name in names}
        url = f"/?{request.url.query}" if request.url.query else "/"
        return await in_thread(pages.findings, chosen, url, str(request.base_url).rstrip("/"))

    async def finding(request: Request) -> Response:
        return await in_thread(pages.finding, request.path_params["finding_id"])

    async def markdown(request: Request) -> Response:
        return await in_thread(pages.markdown, request.path_params["finding_id"])

    async def status(request: Request) -> Response:
        form, finding_id = await _form(request), request.path_params["finding_id"]
        wanted, reason = form.get("status", ""), form.get("reason", "")
        if wanted not in STATUSES or (wanted == "suppressed" and not reason.strip()):
            raise Refusal("give a status, and a reason if it is to be suppressed")
        if not await in_thread(context.findings.set_status, finding_id, wanted, reason[:1000]):
            raise Refusal("Finding not found", 404)
        return RedirectResponse(f"/findings/{quote(finding_id)}", 303)

    async def login(request: Request) -> Response:
        if request.method == "GET":
            return pages.render("login.html", "", wrong=False)
        token = context.keys.open_session((await _form(request)).get("password", ""))
        if not token:
            return pages.render("login.html", "", 401, wrong=True)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, token, SESSION_SECONDS, httponly=True, samesite="strict")
        return response

    async def runs(request: Request) -> Response:
        names = [request.query_params.get(name, "") for name in ("before", "after", "run")]
        return await in_thread(pages.runs, *names)

    async def traces(request: Request) -> Response:
        return await in_thread(pages.traces, *parameters.page(request, 50))

    async def trace(request: Request) -> Response:
        return await in_thread(pages.trace, *parameters.trace_id(request))

    async def variable(request: Request) -> Response:
        return await in_thread(pages.variable, request.query_params.get("name", ""))

    async def variables(_request: Request) -> Response:
        return await in_thread(pages.variables)

    async def locks(_request: Request) -> Response:
        return await in_thread(pages.locks)

    async def services(_request: Request) -> Response:
        return await in_thread(pages.services)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "report.css":
            text = files("raceway.report").joinpath("html_report.css").read_text("utf-8")
        elif name in _STATIC:
            text = (files("raceway.server.pages") / "static" / name).read_text("utf-8")
        else:
            raise Refusal("Not Found", 404)
        headers = {"cache-control": "max-age=3600"}
        return Response(text, media_type=_STATIC.get(name, "text/css"), headers=headers)

    return [
        Route("/", findings, name="page_findings"),
        Route("/findings/{finding_id}", finding, name="page_finding"),
        Route("/findings/{finding_id}/markdown", markdown, name="page_markdown"),
        Route("/findings/{finding_id}/status", status, methods=["POST"], name="page_status"),
        Route("/login", login, methods=["GET", "POST"], name="page_login"),
        Route("/variables", variables, name="page_variables"),
        Route("/variable", variable, name="page_variable"),
        Route("/locks", locks, name="page_locks"),
        Route("/runs", runs, name="page_runs"),
        Route("/traces", traces, name="page_traces"),
        Route("/traces/{trace_id}", trace, name="page_trace"),
        Route("/services", services, name="page_services"),
        Route("/static/{name}", static, name="page_static"),
    ]
