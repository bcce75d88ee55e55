"""The table of all routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from raceway.server.ingest_route import IngestRoute
from raceway.server.openapi import openapi_route
from raceway.server.own_routes import own_routes
from raceway.server.pages.views import page_routes
from raceway.server.service_routes import service_routes
from raceway.server.status_routes import status_routes
from raceway.server.timelines import TimelineReader, timeline_routes
from raceway.server.trace_routes import trace_routes

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from raceway.server.context import ServerContext


def all_routes(context: ServerContext) -> list[BaseRoute]:
    """Return the routes of a server."""
    ingest = IngestRoute(context.intake, context.metrics, context.options.max_body_bytes)
    timelines = TimelineReader(context)
    routes: list[BaseRoute] = [
        Route("/events", ingest.__call__, methods=["POST"], name="ingest"),
        *status_routes(context),
        *trace_routes(context),
        *service_routes(context),
        *own_routes(context),
        *timeline_routes(timelines),
    ]
    return [*routes, openapi_route(routes), *page_routes(context, timelines)]
