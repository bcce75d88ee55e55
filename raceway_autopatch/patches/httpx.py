"""httpx: what came before a call happens before the handler, and its reply before the caller.

Emits: as for requests; each hop of a redirect is a call of its own, whatever transport sends it.
"""

from __future__ import annotations

from raceway_autopatch import http_calls
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "httpx>=0.23"


def _send(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
    call = _begin(args, kwargs)
    if call is None:
        return wrapped(*args, **kwargs)
    call.carry()  # a transport may be made of another library
    try:
        response = wrapped(*args, **kwargs)
    except BaseException:
        call.end(0, None)
        raise
    call.end(getattr(response, "status_code", 0), getattr(response, "headers", None))
    return response


async def _send_async(wrapped: Any, _client: Any, args: Any, kwargs: Any) -> Any:
    call = _begin(args, kwargs)
    if call is None:
        return await wrapped(*args, **kwargs)
    try:
        response = await wrapped(*args, **kwargs)
    except BaseException:
        call.end(0, None)
        raise
    call.end(getattr(response, "status_code", 0), getattr(response, "headers", None))
    return response


@contained
def _begin(args: Any, kwargs: Any) -> http_calls.Call | None:
    request = args[0] if args else kwargs["request"]
    call: http_calls.Call | None = http_calls.begin(request.method, request.url, request.headers)
    return call


PATCHES = (
    wrap("Client._send_single_request", _send),
    wrap("AsyncClient._send_single_request", _send_async),
)
