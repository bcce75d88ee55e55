"""ASGI applications: a request begins with the call and ends when the application returns.

The response has taken as long as its body; the trace goes on until the application returns, so that
background tasks belong to it.  The handler runs in the task of the server, or, under a test client,
of the test.  Websockets and the lifespan pass through.
"""

from __future__ import annotations

from raceway.record import recorder
from raceway_autopatch.http_requests import REPLY, SEEN, Request
from raceway_autopatch.patching import contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any


@contained
def _begin(args: Any) -> Request | None:
    if not recorder.status.active or len(args) != 3:
        return None
    scope = args[0]
    if scope.get("type") != "http" or SEEN in scope:
        return None  # SEEN: one application is mounted in the other, it is one request
    path = scope.get("path", "")
    root = scope.get("root_path", "")
    # Older servers leave the root out of the path.
    shown = path if not root or str(path).startswith(root) else f"{root}{path}"
    request = Request(scope.get("method", ""), shown, scope.get("headers") or ())
    scope[SEEN] = request
    return request


@contained
def _observe(request: Request, message: Any) -> Any:
    """Return the message to send in the place of one of the application's."""
    kind = message.get("type")
    if kind == "http.response.start":
        reply = request.reply(message.get("status", 500))
        if reply is not None:
            added = (REPLY.encode("ascii"), reply.encode("ascii"))
            return {**message, "headers": [*message.get("headers", ()), added]}
    elif kind == "http.response.body" and not message.get("more_body", False):
        request.done()
    return message


async def call(wrapped: Any, _app: Any, args: Any, kwargs: Any) -> Any:
    """Wrap the method by which a server calls an application: ``(scope, receive, send)``."""
    request = _begin(args)
    if request is None:
        return await wrapped(*args, **kwargs)
    scope, receive, send = args

    async def observed(message: Any) -> None:
        await send(_observe(request, message) or message)

    try:
        return await wrapped(scope, receive, observed, **kwargs)
    except BaseException as error:
        request.failed(error)
        raise
    finally:
        request.end()
        request.leave()
