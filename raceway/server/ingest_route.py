"""``POST /events``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from raceway.server.answers import failure, success
from raceway.server.batches import TooLarge, Unreadable, inflate
from raceway.server.intake import Failed, Full

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from raceway.server.batches import Ingested
    from raceway.server.intake import Intake
    from raceway.server.metrics import Metrics


class IngestRoute:
    """Takes batches of events.

    Args:
        intake: Stores them.
        metrics: Counts them.
        limit: Most bytes of a body, unpacked.
    """

    def __init__(self, intake: Intake, metrics: Metrics, limit: int) -> None:
        self._intake = intake
        self._metrics = metrics
        self._limit = limit

    async def __call__(self, request: Request) -> Response:
        """Answer when everything that is good has been stored."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" and not (
            kind.startswith("application/") and kind.endswith("+json")
        ):
            return self._away("type", "Expected request with `Content-Type: application/json`", 415)
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "gzip", ""}:
            return self._away("encoding", f"Content-Encoding {encoding[:40]!r}: give gzip", 415)
        try:
            body = await self._body(request)
            if encoding == "gzip":
                body = inflate(body, self._limit)
            taken = await self._intake.take(body)
        except asyncio.CancelledError:  # the server stops, and this client has not sent all of it
            return failure("the server stops", 503, {"retry-after": "10"})
        except TooLarge:
            text = f"Failed to buffer the request body: more than {self._limit:,} bytes"
            return self._away("size", text, 413)
        except Unreadable as error:
            text = f"Failed to parse the request body as JSON: {error}"
            return self._away("syntax", text, 400)
        except Full:
            self._metrics.turned_away.labels("queue").inc()
            return failure("too many events wait to be stored", 503, {"retry-after": "1"})
        except Failed as error:
            self._metrics.turned_away.labels("store").inc()
            return failure(f"events cannot be stored: {error}", 503, {"retry-after": "10"})
        self._count(taken)
        done = len(taken.raws) + taken.known
        if not taken.refusals:
            return success(f"Ingested {done} events")
        return success(
            f"Ingested {done} events, {taken.refusals} errors",
            206,
            refused=[
                {"index": index, "id": event_id, "reason": f"events[{index}]: {reason}"}
                for index, event_id, reason in taken.refused
            ],
        )

    async def _body(self, request: Request) -> bytes:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limit:
            raise TooLarge
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > self._limit:
                raise TooLarge
            parts.append(part)
        return b"".join(parts)

    def _count(self, taken: Ingested) -> None:
        self._metrics.ingested.inc(len(taken.raws))
        self._metrics.known.inc(taken.known)
        self._metrics.refused.inc(taken.refusals)

    def _away(self, reason: str, text: str, status: int) -> Response:
        self._metrics.turned_away.labels(reason).inc()
        return PlainTextResponse(text, status)
