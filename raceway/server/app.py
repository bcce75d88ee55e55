"""The application: routes, and what they share."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from raceway import __version__
from raceway.server.answers import Refusal, failure
from raceway.server.context import ServerContext
from raceway.server.gate import Gate
from raceway.server.routes import all_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from raceway.server.options import ServerOptions

_log = logging.getLogger("raceway.server")

__all__ = ["__version__", "build_app", "time"]


def build_app(options: ServerOptions) -> Starlette:
    """Return the ASGI application of a server.

    Args:
        options: How it runs; the data folder exists and belongs to this process.
    """
    context = ServerContext(options)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        context.start()
        try:
            yield
        finally:
            await context.stop()

    app = Starlette(
        routes=all_routes(context),
        middleware=[Middleware(Gate, options=options, keys=context.keys)],
        exception_handlers={
            Refusal: _refusal,
            sqlite3.OperationalError: _store_error,
            HTTPException: _http_error,
            Exception: _internal_error,
        },
        lifespan=lifespan,
    )
    app.state.context = context
    return app


async def _refusal(_request: Request, error: Any) -> Response:
    return failure(error.error, error.status, error.headers)


async def _http_error(_request: Request, error: Any) -> Response:
    return failure(error.detail, error.status_code, error.headers)


async def _store_error(_request: Request, error: Any) -> Response:
    """Answer where the disk is full, or somebody else has the file for too long."""
    _log.warning("the store: %s", error)
    return failure(f"the store is not usable at present: {error}", 503, {"retry-after": "10"})


async def _internal_error(_request: Request, _error: Any) -> Response:
    return failure("the server has failed; its log says with what", 500)
