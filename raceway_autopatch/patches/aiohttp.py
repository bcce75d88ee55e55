"""aiohttp: calls of its client, and requests of its server.

Emits: as for requests, for each hop of a redirect; and as for flask, for each request of a
connection, until its response has left.
"""

from __future__ import annotations

from raceway.record import recorder
from raceway_autopatch import http_calls
from raceway_autopatch.http_requests import REPLY, Request
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "aiohttp>=3.8"

_CALL = "_raceway_call"

_served: dict[int, Request] = {}
"""By address of aiohttp's request object, while it is being handled."""

# ---------------------------------------------------------------- the client


async def _send(wrapped: Any, request: Any, args: Any, kwargs: Any) -> Any:
    call = http_calls.begin(request.method, request.url, request.headers)
    if call is None:
        return await wrapped(*args, **kwargs)
    try:
        response = await wrapped(*args, **kwargs)
    except BaseException:
        call.end(0, None)
        raise
    _remember(response, call)
    return response


@contained
def _remember(response: Any, call: http_calls.Call) -> None:
    response.__dict__[_CALL] = call


async def _start(wrapped: Any, response: Any, args: Any, kwargs: Any) -> Any:
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException:
        _end(response, 0)
        raise
    _end(response, getattr(response, "status", 0))
    return result


@contained
def _end(response: Any, status: int) -> None:
    call = response.__dict__.pop(_CALL, None)
    if call is None:
        return
    if not status:
        call.end(0, None)
        return
    headers = response._headers.copy()
    call.end(status, headers)
    if len(headers) != len(response._headers):
        # What the program gets cannot be changed: it gets a copy without the header that is ours.
        response._headers = type(response._headers)(headers)
        response._cache.pop("headers", None)  # the property may have been asked already
        response._raw_headers = tuple(
            pair for pair in response._raw_headers if pair[0].lower() != REPLY.encode("ascii")
        )


# ---------------------------------------------------------------- the server


async def _handle(wrapped: Any, _protocol: Any, args: Any, kwargs: Any) -> Any:
    request = args[0] if args else kwargs.get("request")
    served = _begin(request)
    if served is None:
        return await wrapped(*args, **kwargs)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        _served.pop(id(request), None)
        served.end()
        served.leave()


@contained
def _begin(request: Any) -> Request | None:
    if not recorder.status.active:
        return None
    served = Request(request.method, request.path, request.headers.items())
    _served[id(request)] = served
    return served


def _error(wrapped: Any, _protocol: Any, args: Any, kwargs: Any) -> Any:
    request = args[0] if args else kwargs.get("request")
    _note(request, args[2] if len(args) > 2 else kwargs.get("exc"))
    return wrapped(*args, **kwargs)


@contained
def _note(request: Any, error: Any) -> None:
    served = _served.get(id(request))
    if served is not None and error is not None:
        served.failed(error)


async def _prepare(wrapped: Any, request: Any, args: Any, kwargs: Any) -> Any:
    result = await wrapped(*args, **kwargs)
    _reply(request, args[0] if args else kwargs.get("response"))
    return result


@contained
def _reply(request: Any, response: Any) -> None:
    served = _served.get(id(request))
    if served is not None:
        reply = served.reply(response.status)
        if reply is not None:
            response.headers[REPLY] = reply


PATCHES = {
    "aiohttp.client_reqrep": (
        wrap("ClientRequest.send", _send),
        wrap("ClientResponse.start", _start),
    ),
    "aiohttp.web_protocol": (
        wrap("RequestHandler._handle_request", _handle, optional=True),
        wrap("RequestHandler.handle_error", _error, optional=True),
    ),
    "aiohttp.web_request": (
        wrap("BaseRequest._prepare_hook", _prepare, optional=True),
        wrap("Request._prepare_hook", _prepare, optional=True),
    ),
}
