"""The routes of the pages."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from raceway.pipeline.run_trace import EVENTS_KEPT
from raceway.report import assets
from raceway.server import parameters
from raceway.server.answers import Refusal
from raceway.server.context import in_thread
from raceway.server.findings_store import STATUSES
from raceway.server.gate import COOKIE
from raceway.server.keys import SESSION_SECONDS
from raceway.server.pages.finding_pages import FindingPages
from raceway.server.pages.list_pages import ListPages
from raceway.server.pages.lock_pages import LockPages
from raceway.server.pages.rendering import Renderer
from raceway.server.pages.timeline_pages import SHOWN, TimelinePages
from raceway.server.pages.trace_pages import TracePages
from raceway.server.timelines import chosen_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from raceway.server.context import ServerContext
    from raceway.server.timelines import TimelineReader

_STATIC: Final = {
    "pages.css": "text/css",
    "pages.js": "text/javascript",
    "theme.js": "text/javascript",
    "htmx.min.js": "text/javascript",
    "htmx.LICENSE": "text/plain",
    "icon.svg": "image/svg+xml",
}
_SHARED: Final = {
    "report.css": assets.REPORT_STYLE,
    assets.TIMELINE_STYLE: assets.TIMELINE_STYLE,
    **{name: name for name in assets.TIMELINE_SCRIPTS},
}
"""Files that the HTML report has, too."""
_MOST_FORM: Final = 16 * 1024


async def _form(request: Request) -> dict[str, str]:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_FORM:
            raise Refusal("the form is too large", 413)
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def page_routes(context: ServerContext, reader: TimelineReader) -> list[BaseRoute]:
    """Return the routes.

    Args:
        context: Of the server.
        reader: Puts timelines together.
    """
    renderer = Renderer(context)
    found, lists, chains = FindingPages(renderer), ListPages(renderer), TracePages(renderer)
    held = LockPages(renderer)
    timelines = TimelinePages(renderer, reader)

    async def show(page: Callable[..., Response], *arguments: object) -> Response:
        return await in_thread(renderer.showing, page, *arguments)

    async def findings(request: Request) -> Response:
        names = ("status", "severity", "type", "certainty", "service", "run", "q")
        chosen = {name: request.query_params.get(name, "") for name in names}
        url = f"/?{request.url.query}" if request.url.query else "/"
        return await show(found.findings, chosen, url, str(request.base_url).rstrip("/"))

    async def finding(request: Request) -> Response:
        return await show(found.finding, request.path_params["finding_id"])

    async def markdown(request: Request) -> Response:
        return await in_thread(found.markdown, request.path_params["finding_id"])

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
            return renderer.render("login.html", "", wrong=False)
        token = context.keys.open_session((await _form(request)).get("password", ""))
        if not token:
            return renderer.render("login.html", "", 401, wrong=True)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, token, SESSION_SECONDS, httponly=True, samesite="strict")
        return response

    async def runs(request: Request) -> Response:
        names = [request.query_params.get(name, "") for name in ("before", "after", "run")]
        return await show(lists.runs, *names)

    async def traces(request: Request) -> Response:
        return await show(chains.traces, *parameters.page(request, 50))

    async def trace(request: Request) -> Response:
        return await show(chains.trace, *parameters.trace_id(request))

    async def variable(request: Request) -> Response:
        return await show(lists.variable, request.query_params.get("name", ""))

    async def variables(_request: Request) -> Response:
        return await show(lists.variables)

    async def locks(_request: Request) -> Response:
        return await show(held.locks)

    async def services(_request: Request) -> Response:
        return await show(lists.services)

    async def service(request: Request) -> Response:
        return await show(lists.service, request.query_params.get("name", ""))

    async def timeline(request: Request) -> Response:
        focus = request.query_params.get("focus", "")
        most = parameters.number(request, "limit", SHOWN, 1, EVENTS_KEPT)
        return await show(timelines.timeline, chosen_of(request), focus, most)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name in _SHARED:
            text = assets.asset(_SHARED[name])
            media = "text/css" if name.endswith(".css") else "text/javascript"
        elif name in _STATIC:
            text = (files("raceway.server.pages") / "static" / name).read_text("utf-8")
            media = _STATIC[name]
        else:
            raise Refusal("Not Found", 404)
        return Response(text, media_type=media, headers={"cache-control": "max-age=3600"})

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
        Route("/service", service, name="page_service"),
        Route("/timeline", timeline, name="page_timeline"),
        Route("/static/{name}", static, name="page_static"),
    ]
