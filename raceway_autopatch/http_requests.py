"""HTTP requests that the program serves: what all patches of web frameworks have in common.

A request happens after its caller's call, and the caller goes on after its reply: its handler
receives the caller's message if the caller is recorded too, and sends one back before the response
leaves.  While it is handled its trace is open, the caller's if it has sent one.
"""

from __future__ import annotations

import time

from raceway import context
from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

REPLY = "raceway-reply"
"""Response header for callers that are recorded: they know by it that a reply was sent."""
SEEN = "raceway.request"
"""What marks a request that one application hands on to another: it is one request.

A key of the WSGI environ or ASGI scope, under which the :class:`Request` is."""
_FLUSH_AFTER = 0.25
"""Seconds after which the end of a request or task writes out what was recorded."""
_last_flush = 0.0


class Request:
    """One request that is being handled; it has begun when this is made.

    Args:
        method: HTTP method.
        path: Path of the URL, without the query.
        headers: Pairs of name and value, in text or bytes.

    Attributes:
        trace: The trace that it belongs to.
    """

    __slots__ = (
        "_began", "_caller", "_done", "_ended", "_failure", "_frame", "_handler", "_has_failed",
        "_identity", "_status", "trace",
    )  # fmt: skip

    def __init__(
        self, method: object, path: object, headers: Iterable[tuple[object, object]]
    ) -> None:
        self._began = time.monotonic()
        self._done = 0.0
        self._status = 500
        self._ended = False
        self._has_failed = False
        self._failure: tuple[str, str, str] | None = None
        self._handler = recorder.current()
        pairs = [(_lower(name), value) for name, value in headers]
        self.trace = trace = context.parse_headers(pairs)
        # A caller that is recorded sends a valid clock, and then its span for us is ours.
        parts = _text(dict(pairs).get("traceparent", "")).split("-")
        self._caller = trace.span_id if parts[2:3] == [trace.span_id] else ""
        self._identity = trace.span_id
        if self._caller:
            recorder.sync(ops.REMOTE_RECEIVE, 0, self._caller)
        upstream = trace.upstream_span_id or ""
        argument = (str(method), str(path), self._identity, trace.trace_id, upstream)
        recorder.sync(ops.HTTP_REQUEST, 0, argument)
        self._frame: context.Frame | None = context.begin(trace)

    @contained
    def leave(self) -> None:
        """Close the trace: the thread may serve somebody else next."""
        if self._frame is not None:
            frame, self._frame = self._frame, None
            context.leave(frame)

    @contained
    def reply(self, status: object) -> str | None:
        """Send the message to the caller, before anything of the response leaves.

        Args:
            status: Status, or status line.

        Returns:
            The value of the header :data:`REPLY` that tells the caller of it; None if the caller
            is not recorded.
        """
        code = str(status)[:3]
        self._status = int(code) if code.isdigit() else 500
        if not self._caller:
            return None
        recorder.sync(ops.REMOTE_SEND, 0, f"{self._caller}:reply")
        return self._caller

    @contained
    def done(self) -> None:
        """Note that the body is complete; the application may have more to do."""
        self._done = self._done or time.monotonic()

    @contained
    def failed(self, error: BaseException) -> None:
        """Record that the handler has raised.

        Of several exceptions the first counts: the others came of it. What cancels a handler, or
        ends the process, is no failure. It is told by whoever handles the request, whose trace it
        belongs to: at the end, if another thread has learned of it.
        """
        if not self._has_failed and not self._ended and isinstance(error, Exception):
            self._has_failed = True
            self._failure = recorder.described(error)
            if recorder.current() is self._handler:
                self._tell_of_failure()

    def _tell_of_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            recorder.sync(ops.EVENT, ops.EVENT_FAILED, failure)

    @contained
    def end(self) -> None:
        """Record the end; once, however often it is called."""
        if self._ended:
            return
        self._ended = True
        now = time.monotonic()
        self._tell_of_failure()
        duration = ((self._done or now) - self._began) * 1000
        recorder.sync(ops.HTTP_RESPONSE, 0, (self._status, duration, self._identity))
        write_out(now)


@contained
def handler_failed(surroundings: Any, error: Any) -> None:
    """Note that a framework has caught what a handler has raised, and answers with an error page.

    Args:
        surroundings: The WSGI environ or the ASGI scope of the request.
        error: The exception.
    """
    request = surroundings.get(SEEN)
    if isinstance(request, Request):
        request.failed(error)


def write_out(now: float) -> None:
    """Write out what was recorded, now and then: a worker may be killed while it waits.

    Args:
        now: ``time.monotonic()``.
    """
    global _last_flush
    if now - _last_flush > _FLUSH_AFTER:
        _last_flush = now
        recorder.flush()


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _lower(value: object) -> str:
    return _text(value).lower()
