"""requests: what came before a call happens before the handler, and its reply before the caller.

Emits: HTTP request and response for each hop of a redirect, a message to the handler, and the
receipt of its reply where the handler says that it sends one.

The headers that carry the trace (``traceparent``, ``tracestate``, ``raceway-clock``) are added
whenever this process is recorded: they are what orders two processes.  A request that has a
``traceparent`` of the program's own is left as it is, and is ordered by nothing.  The body of a
response is never touched.
"""

from __future__ import annotations

import os
import sys
import time

from raceway import context
from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "requests>=2.25"

REPLY = "raceway-reply"
"""Response header by which a recorded handler says that it sent its reply; taken out again."""
_SENT_KEPT = 1024

_sent: dict[str, None] = {}
"""The last values of traceparent that are ours: a redirect copies the headers of its request."""


def _send(wrapped: Any, _session: Any, args: Any, kwargs: Any) -> Any:
    call = _begin(args[0] if args else kwargs.get("request"))
    if call is None:
        return wrapped(*args, **kwargs)
    try:
        response = wrapped(*args, **kwargs)
    except BaseException:
        call.end(0, None)
        raise
    call.end(getattr(response, "status_code", 0), response)
    return response


class _Call:
    """One request on its way."""

    def __init__(self, span: str) -> None:
        self.span = span
        self.began = time.monotonic()

    @contained
    def end(self, status: int, response: Any) -> None:
        """Record the outcome; 0: there was no response."""
        _take_reply(response)
        duration = (time.monotonic() - self.began) * 1000
        recorder.sync(ops.HTTP_RESPONSE, 1, (int(status), duration, self.span))


@contained
def _take_reply(response: Any) -> None:
    """Receive what the handler sent with ``response``, if it says that it did; once."""
    headers: Any = getattr(response, "headers", {})
    span = headers.get(REPLY)
    if span:
        del headers[REPLY]
        sent = getattr(getattr(response, "request", None), "headers", {}).get("traceparent", "")
        if sent in _sent and f"-{span}-" in sent:
            recorder.sync(ops.REMOTE_RECEIVE, 0, f"{span}:reply")


def _redirects(wrapped: Any, _session: Any, args: Any, kwargs: Any) -> Any:
    # The reply that redirects comes before the request that follows it.
    if recorder.status.active:
        _take_reply(args[0] if args else kwargs.get("resp"))
    return wrapped(*args, **kwargs)


@contained
def _begin(request: Any) -> _Call | None:
    if not recorder.status.active or _is_internal():
        return None
    headers, url = getattr(request, "headers", None), getattr(request, "url", None)
    if headers is None or not isinstance(url, str):
        return None
    span = ""
    earlier = headers.get("traceparent")
    if earlier is None or earlier in _sent:
        trace = context.current()
        if trace is None:
            # Whoever calls outside of any request has a trace of its own from now on: its calls
            # belong together.
            trace = context.begin(context.TraceContext()).trace
        added = context.format_headers(trace, *_identity())
        for name, value in added.items():
            if earlier is not None or name not in headers:
                headers[name] = value
        span = added["traceparent"].split("-")[2]
        _remember(added["traceparent"])
    call = _Call(span or context.new_span_id())
    method = str(getattr(request, "method", ""))
    recorder.sync(ops.HTTP_REQUEST, 1, (method, without_credentials(url), call.span))
    if span:
        recorder.sync(ops.REMOTE_SEND, 0, span)
    return call


def _remember(traceparent: str) -> None:
    _sent[traceparent] = None
    while len(_sent) > _SENT_KEPT:
        _sent.pop(next(iter(_sent), ""), None)


def without_credentials(url: str) -> str:
    """Return ``url`` without user and password, and without what may hold a secret: the query.

    Args:
        url: An absolute URL.

    Example:
        >>> without_credentials("https://me:secret@example.com/a?token=1#top")
        'https://example.com/a'
    """
    url = url.partition("#")[0].partition("?")[0]
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def _is_internal() -> bool:
    sender = sys.modules.get("raceway.pipeline.sender")
    return sender is not None and bool(sender.is_internal())


def _identity() -> tuple[str, str]:
    from raceway.config import Config  # late: most processes make no call

    service = os.environ.get("RACEWAY_SERVICE") or Config().service_name
    return service, Config().current_instance_id()


PATCHES = (
    wrap("Session.send", _send),
    wrap("SessionRedirectMixin.resolve_redirects", _redirects),
)
