"""Whether the server works: ``/health``, ``/status``, ``/metrics`` and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from raceway import __version__
from raceway.server.answers import Json, Refusal, failure, success
from raceway.server.context import in_thread
from raceway.server.gate import COOKIE, session_token
from raceway.server.keys import SESSION_SECONDS
from raceway.server.metrics import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from raceway.server.context import ServerContext

_MOST_LOGIN = 4096


def status_routes(context: ServerContext) -> list[BaseRoute]:
    """Return the routes."""

    def warmup(traces: int) -> dict[str, Any]:
        problem = context.intake.problem
        return {
            "phase": "failed" if problem else "completed",
            "ready": not problem,
            "total_traces": traces,
            "processed_traces": traces,
            "last_trace": None,
            "started_at": None,
            "completed_at": None,
            "last_error": problem or None,
        }

    async def health(_request: Request) -> Response:
        problem = context.intake.problem
        data = warmup(0)
        if problem:
            return Json({"success": False, "data": data, "error": problem}, 503)
        return success(data)

    async def status(_request: Request) -> Response:
        events, traces = await in_thread(context.events.totals)
        return success(
            {
                "version": __version__,
                "uptime_seconds": context.uptime,
                "events_captured": events,
                "traces_active": traces,
                "events_waiting": context.intake.waiting,
                "analysis": await in_thread(context.analysis),
                "warmup": warmup(traces),
            }
        )

    async def metrics(_request: Request) -> Response:
        return Response(context.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def login(request: Request) -> Response:
        if not context.keys.required:
            raise Refusal("no key and no password is set", 400)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_LOGIN:
                raise Refusal("the body is too large", 413)
        try:
            password = msgspec.json.decode(body, type=dict[str, str])["password"]
        except (msgspec.DecodeError, KeyError, RecursionError, UnicodeDecodeError):
            raise Refusal('give {"password": "..."}', 400) from None
        token = context.keys.open_session(password)
        if not token:
            return failure("Unauthorized", 401)
        response = Json({"success": True, "message": "Logged in"})
        response.set_cookie(
            COOKIE, token, max_age=SESSION_SECONDS, httponly=True, samesite="strict"
        )
        return response

    async def logout(request: Request) -> Response:
        context.keys.close_session(session_token(request.headers.get("cookie", "")))
        response = Json({"success": True, "message": "Logged out"})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    async def check(request: Request) -> Response:
        required = context.keys.required
        known = not required or request.scope.get("raceway.key") is not None
        return Json({"authenticated": known, "auth_required": required})

    return [
        Route("/health", health, name="health"),
        Route("/status", status, name="status"),
        Route("/metrics", metrics, name="metrics"),
        Route("/auth/login", login, methods=["POST"], name="login"),
        Route("/auth/logout", logout, methods=["POST"], name="logout"),
        Route("/auth/check", check, name="check"),
    ]
