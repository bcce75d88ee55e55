"""Parameters of requests: checked, and refused with a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raceway.server.answers import Refusal
from raceway.server.wire import Refused, uuid_bytes, uuid_text

if TYPE_CHECKING:
    from starlette.requests import Request

MOST_ROWS: Final = 1000
_MOST_PAGE: Final = 1_000_000


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """Return a whole number from the query.

    Raises:
        Refusal: It is none, or out of range.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and least <= int(text) <= most):
        raise Refusal(f"{name}={text[:40]!r} is not usable: give a number from {least} to {most}")
    return int(text)


def page(request: Request, size: int) -> tuple[int, int]:
    """Return the page that is asked for, from 1, and its size."""
    return (
        number(request, "page", 1, 1, _MOST_PAGE),
        number(request, "page_size", size, 1, MOST_ROWS),
    )


def pages(total: int, size: int) -> int:
    """Return how many pages there are."""
    return (total + size - 1) // size


def trace_id(request: Request) -> tuple[str, bytes]:
    """Return the trace that the path names.

    Raises:
        Refusal: It is no UUID.
    """
    try:
        found = uuid_bytes(request.path_params["trace_id"])
    except Refused:
        raise Refusal("Invalid trace ID format") from None
    return uuid_text(found), found
