"""The table of all routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from raceway.server.ingest_route import IngestRoute
from raceway.server.status_routes import status_routes

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from raceway.server.context import ServerContext


def all_routes(context: ServerContext) -> list[BaseRoute]:
    """Return the routes of a server."""
    ingest = IngestRoute(context.intake, context.metrics, context.options.max_body_bytes)
    return [
        Route("/events", ingest.__call__, methods=["POST"], name="ingest"),
        *status_routes(context),
    ]
