"""requests: what came before a call happens before the handler, and its reply before the caller.

Emits: HTTP request and response for each hop of a redirect, a message to the handler, and the
receipt of its reply where the handler says that it sends one.

Which headers are added, and when, says :mod:`raceway_autopatch.http_calls`.  The body of a response
is never touched.
"""

from __future__ import annotations

from raceway.record import recorder
from raceway_autopatch import http_calls
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "requests>=2.25"


def _send(wrapped: Any, _session: Any, args: Any, kwargs: Any) -> Any:
    call = _begin(args[0] if args else kwargs.get("request"))
    if call is None:
        return wrapped(*args, **kwargs)
    call.carry()
    try:
        response = wrapped(*args, **kwargs)
    except BaseException:
        call.end(0, None)
        raise
    call.end(getattr(response, "status_code", 0), getattr(response, "headers", None))
    return response


@contained
def _begin(request: Any) -> http_calls.Call | None:
    headers, url = getattr(request, "headers", None), getattr(request, "url", None)
    if headers is None or not isinstance(url, str):
        return None
    method = getattr(request, "method", "")
    # It sends the next hop of a redirect while it sends the first one.
    call: http_calls.Call | None = http_calls.begin(method, url, headers, outermost=True)
    return call


@contained
def _take_reply(response: Any) -> None:
    sent = getattr(getattr(response, "request", None), "headers", {}).get("traceparent")
    http_calls.take_reply(getattr(response, "headers", None), sent)


def _redirects(wrapped: Any, _session: Any, args: Any, kwargs: Any) -> Any:
    # The reply that redirects comes before the request that follows it.
    if recorder.status.active:
        _take_reply(args[0] if args else kwargs.get("resp"))
    return wrapped(*args, **kwargs)


PATCHES = (
    wrap("Session.send", _send),
    wrap("SessionRedirectMixin.resolve_redirects", _redirects),
)
