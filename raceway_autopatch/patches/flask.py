"""flask: a request happens after its caller's call, and the caller goes on after its reply.

Emits: HTTP request and response; the receipt of the caller's message if the caller is recorded
too, and the message back to it before the response leaves.

A request begins with the call of ``Flask.wsgi_app`` and ends when the body is at its end or was
closed, so that a streamed response ends with its stream.  The class is patched: applications that
exist already, that are mounted, or that have wrapped their ``wsgi_app`` are seen as well.  The
handler runs as whoever called: a thread of the server, or, under ``test_client``, the test.

What a streamed body does after the headers have left is ordered with its caller by nothing.
"""

from __future__ import annotations

import time

from raceway import context
from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SUPPORTS = "flask>=2.0"

REPLY = "raceway-reply"
"""Response header for callers that are recorded: they know by it that a reply was sent."""
_SEEN = "raceway.request"
_FLUSH_AFTER = 0.25
"""Seconds after which the end of a request writes out what was recorded."""
_last_flush = 0.0


class _Request:
    """One request that is being handled."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.began = time.monotonic()
        self.status = 500
        self.ended = False
        pairs = [
            (name, environ.get(key, ""))
            for name, key in (
                ("traceparent", "HTTP_TRACEPARENT"),
                ("tracestate", "HTTP_TRACESTATE"),
                ("raceway-clock", "HTTP_RACEWAY_CLOCK"),
            )
        ]
        trace = context.parse_headers(pairs)
        # A caller that is recorded sends a valid clock, and then its span for us is ours.
        parts = pairs[0][1].split("-")
        self.caller = trace.span_id if parts[2:3] == [trace.span_id] else ""
        self.identity = trace.span_id
        if self.caller:
            recorder.sync(ops.REMOTE_RECEIVE, 0, self.caller)
        url = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
        method = str(environ.get("REQUEST_METHOD", ""))
        upstream = trace.upstream_span_id or ""
        argument = (method, url, self.identity, trace.trace_id, upstream)
        recorder.sync(ops.HTTP_REQUEST, 0, argument)
        self.frame: context.Frame | None = context.begin(trace)

    @contained
    def leave(self) -> None:
        """Close the trace: the thread may serve somebody else next."""
        if self.frame is not None:
            frame, self.frame = self.frame, None
            context.leave(frame)

    @contained
    def reply(self, status: object, headers: list[tuple[str, str]]) -> None:
        """Send the message to the caller, before anything of the response leaves.

        Args:
            status: Status line.
            headers: Headers of the response; changed in place.
        """
        code = str(status)[:3]
        self.status = int(code) if code.isdigit() else 500
        if self.caller:
            recorder.sync(ops.REMOTE_SEND, 0, f"{self.caller}:reply")
            headers.append((REPLY, self.caller))

    @contained
    def end(self) -> None:
        """Record the end; once, however often the body is closed."""
        global _last_flush
        if self.ended:
            return
        self.ended = True
        now = time.monotonic()
        duration = (now - self.began) * 1000
        recorder.sync(ops.HTTP_RESPONSE, 0, (self.status, duration, self.identity))
        if now - _last_flush > _FLUSH_AFTER:
            _last_flush = now
            recorder.flush()


@contained
def _begin(environ: Any) -> _Request | None:
    if not recorder.status.active or not isinstance(environ, dict) or _SEEN in environ:
        return None  # _SEEN: one application calls the other, it is one request
    environ[_SEEN] = True
    return _Request(environ)


class _Body:
    """The body of a response: when it is at its end, or closed before, so is the request."""

    def __init__(self, body: Any, request: _Request) -> None:
        self._body = body
        self._request = request
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        if self._iterator is None:
            self._iterator = iter(self._body)
        try:
            return next(self._iterator)
        except StopIteration:
            self._request.end()  # a test client may never close it
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._request.end()


def _wsgi_app(wrapped: Any, _app: Any, args: Any, kwargs: Any) -> Any:
    environ = args[0] if args else kwargs.get("environ")
    start = args[1] if len(args) > 1 else kwargs.get("start_response")
    request = _begin(environ)
    if request is None:
        return wrapped(*args, **kwargs)

    def start_response(status: Any, headers: Any, *rest: Any) -> Any:
        headers = list(headers)
        request.reply(status, headers)
        return start(status, headers, *rest)

    try:
        body = wrapped(environ, start_response)
    except BaseException:
        request.end()
        raise
    finally:
        request.leave()
    if isinstance(body, (list, tuple)) or type(body) is environ.get("wsgi.file_wrapper"):
        request.end()  # these are passed on whole: servers treat them specially
        return body
    return _Body(body, request)


PATCHES = (wrap("Flask.wsgi_app", _wsgi_app),)
