"""What the server answers: the envelope that every Raceway client knows."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

_encode = msgspec.json.Encoder(enc_hook=str).encode


class Json(Response):
    """JSON of anything that msgspec encodes: structs, dataclasses, raw JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the body."""
        return _encode(content)


def success(data: Any, status: int = 200, **more: Any) -> Json:
    """Answer with data."""
    return Json({"success": True, "data": data, "error": None, **more}, status)


def failure(error: str, status: int, headers: dict[str, str] | None = None) -> Json:
    """Answer that something did not work, and why."""
    return Json({"success": False, "data": None, "error": error}, status, headers)


class Refusal(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """A request cannot be served.

    Args:
        error: What the client is told.
        status: HTTP status.
        headers: Further headers.
    """

    def __init__(
        self, error: str, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = headers
