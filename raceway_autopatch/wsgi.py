"""WSGI applications: a request begins with the call and ends with the body.

It ends when the body is at its end or was closed, so that a streamed response ends with its stream.
The handler runs as whoever called: a thread of the server, or, under a test client, the test.  What
a streamed body does after the headers have left is ordered with its caller by nothing.
"""

from __future__ import annotations

from raceway.record import recorder
from raceway_autopatch.http_requests import REPLY, SEEN, Request
from raceway_autopatch.patching import contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_HEADERS = (
    ("traceparent", "HTTP_TRACEPARENT"),
    ("tracestate", "HTTP_TRACESTATE"),
    ("raceway-clock", "HTTP_RACEWAY_CLOCK"),
)


@contained
def _begin(environ: Any) -> Request | None:
    if not recorder.status.active or not isinstance(environ, dict) or SEEN in environ:
        return None  # SEEN: one application calls the other, it is one request
    headers = [(name, environ.get(key, "")) for name, key in _HEADERS]
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    request = environ[SEEN] = Request(environ.get("REQUEST_METHOD", ""), path, headers)
    return request


class _Body:
    """The body of a response: when it is at its end, or closed before, so is the request."""

    def __init__(self, body: Any, request: Request) -> None:
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
        except BaseException as error:
            self._request.failed(error)  # the server closes it
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._request.end()


def call(wrapped: Any, _app: Any, args: Any, kwargs: Any) -> Any:
    """Wrap the method by which a server calls an application: ``(environ, start_response)``."""
    environ = args[0] if args else kwargs.get("environ")
    start = args[1] if len(args) > 1 else kwargs.get("start_response")
    request = _begin(environ)
    if request is None:
        return wrapped(*args, **kwargs)

    def start_response(status: Any, headers: Any, *rest: Any) -> Any:
        headers = list(headers)
        reply = request.reply(status)
        if reply is not None:
            headers.append((REPLY, reply))
        return start(status, headers, *rest)

    try:
        body = wrapped(environ, start_response)
    except BaseException as error:
        request.failed(error)
        request.end()
        raise
    finally:
        request.leave()
    if isinstance(body, (list, tuple)) or type(body) is environ.get("wsgi.file_wrapper"):
        request.end()  # these are passed on whole: servers treat them specially
        return body
    return _Body(body, request)
