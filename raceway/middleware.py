"""Middleware for web frameworks: continue the caller's trace and record request and response.

Flask is served by functions to be registered as hooks, ASGI frameworks (Starlette, FastAPI and
others) by a pure ASGI middleware: one that runs the handler in another task, as
``BaseHTTPMiddleware`` does, would hide from the handler what is set here and the other way round.

Recording never changes a response, and never turns a request into an error.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from raceway import context
from raceway.client import RacewayClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

_INTERNAL = "x-raceway-internal"
_STATE = "_raceway_request"
_SERVED = "raceway.clients"  # in the scope of a connection: who has recorded it
_SEEN = "raceway.request"  # what raceway-run marks a request with that it records


class _Request:
    """One request that is being served."""

    __slots__ = (
        "_answered", "_begun", "_client", "_failed", "_frame", "_headers", "_inside", "_open"
    )  # fmt: skip

    def __init__(self, client: RacewayClient, headers: Any, method: str, path: str) -> None:
        self._client = client
        self._begun = time.perf_counter()
        self._open = True
        self._answered = self._failed = False
        self._frame = context.begin(context.parse_headers(headers))
        self._headers = client.config.capture_http
        shown = headers if self._headers else None
        client.track_http_request(method, path, shown, direction="in")
        self._inside = context.current_frame()

    def answer(self, status: int, headers: Any) -> None:
        """Record the response; the second time does nothing."""
        if self._answered:
            return
        self._answered = True
        elapsed = (time.perf_counter() - self._begun) * 1000
        shown = headers if self._headers else None
        before = context.current_frame()
        # A handler may send from a task that knows nothing of the request, or within another trace.
        elsewhere = before is None or before.trace is not self._frame.trace
        if elsewhere:
            context.resume(self._inside)
        self._client.track_http_response(status, shown, None, elapsed, direction="in")
        if elsewhere:
            context.resume(before)

    def finish(self, status: int, headers: Any) -> None:
        """Record the response and leave the trace; the second time does nothing."""
        if self._open:
            self._open = False
            self.answer(status, headers)
            self.leave()

    def fail(self, error: BaseException) -> None:
        """Record that the handler raised; the first time, as others come of it.

        What cancels the handler, or ends the process, is no error of it.
        """
        if self._open and not self._failed and isinstance(error, Exception):
            self._failed = True
            self._client.track_error(type(error).__name__, str_of(error), error.__traceback__)

    def leave(self) -> None:
        """Go back to what was open before the request."""
        inside = context.current_frame()
        if inside is not None and inside.trace is self._frame.trace:
            self._inside = inside
        context.leave(self._frame)

    def enter_again(self) -> context.Frame | None:
        """Be in the request again, where it was left; return what was open instead."""
        before = context.current_frame()
        context.resume(self._inside)
        return before

    def leave_again(self, before: context.Frame | None) -> None:
        """Go back to what :meth:`enter_again` has returned."""
        self._inside = context.current_frame()
        context.resume(before)


class _Parts:
    """The parts of a response that is made while it is sent: each in the trace of its request."""

    def __init__(self, parts: Any, request: _Request) -> None:
        self._parts = parts
        self._steps = iter(parts)
        self._request = request

    def __iter__(self) -> _Parts:
        return self

    def __next__(self) -> Any:
        before = self._request.enter_again()
        try:
            return next(self._steps)
        except StopIteration:
            raise
        except BaseException as error:
            self._request.fail(error)
            raise
        finally:
            self._request.leave_again(before)

    def close(self) -> None:
        """End what makes them; a server calls this in any case."""
        before = self._request.enter_again()
        try:
            if hasattr(self._parts, "close"):
                self._parts.close()
        finally:
            self._request.leave_again(before)


def _is_told(client: RacewayClient, surroundings: Any) -> bool:
    """Return whether this request is told to the client's server by ``raceway-run --endpoint``.

    Its trace is open then, so that what is tracked by hand belongs to it.
    """
    recorder: Any = sys.modules.get("raceway.record.recorder")
    sink = None if recorder is None else recorder.status.sink
    return getattr(sink, "endpoint", "") == client.config.endpoint and _SEEN in surroundings


def str_of(error: BaseException) -> str:
    """Return the message of an exception, even if its ``__str__`` raises."""
    try:
        return str(error)
    except Exception:  # the application's class
        return "<unprintable>"


class FlaskMiddleware:
    """The hooks for one Flask application. Made by :func:`flask_middleware`.

    Args:
        client: Records the events.
    """

    def __init__(self, client: RacewayClient) -> None:
        self._client = client
        self._connected = False

    def init_app(self, app: Any) -> None:
        """Register all hooks with an application.

        Args:
            app: The Flask application.
        """
        app.before_request(self.before_request)
        app.after_request(self.after_request)
        app.teardown_request(self.teardown_request)

    def before_request(self) -> None:
        """Continue the trace of the request, or start one. For ``@app.before_request``."""
        try:
            from flask import current_app, g, request  # late: flask is optional

            if request.headers.get(_INTERNAL) or getattr(g, _STATE, None) is not None:
                return
            if _is_told(self._client, request.environ):
                return
            headers = list(request.headers.items())
            setattr(g, _STATE, _Request(self._client, headers, request.method, request.path))
            self._watch_teardown(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 - the documented way to the real application
        except Exception:  # noqa: S110 - the request is served without a trace
            pass

    def after_request(self, response: Any) -> Any:
        """Record the response and leave the trace. For ``@app.after_request``.

        Args:
            response: The response. Parts that are made while it is sent belong to the trace;
                nothing else of it is touched.

        Returns:
            The same response.
        """
        try:
            from flask import g  # late: flask is optional

            state: _Request | None = g.pop(_STATE, None)
            if state is None:
                return response
            status, headers = response.status_code, list(response.headers.items())
            if response.is_streamed and not response.direct_passthrough:
                # Now, as it is not certain that anybody asks for the parts.
                state.answer(status, headers)
                state.leave()
                response.response = _Parts(response.response, state)
            else:
                state.finish(status, headers)
        except Exception:  # noqa: S110 - as above
            pass
        return response

    def teardown_request(self, error: BaseException | None = None) -> None:
        """Leave the trace if the handler raised and ``after_request`` did not run.

        Registered by itself with the first request, where Flask has signals.

        Args:
            error: What the handler raised.
        """
        try:
            from flask import g  # late: flask is optional

            state: _Request | None = g.pop(_STATE, None)
            if state is not None:
                if error is not None:
                    state.fail(error)
                state.finish(500, None)
        except Exception:  # noqa: S110 - as above
            pass

    def _watch_teardown(self, app: Any) -> None:
        if self._connected:
            return
        self._connected = True
        # A signal, because hooks cannot be registered any more when requests are served.
        from flask import got_request_exception, request_tearing_down  # late: flask is optional

        request_tearing_down.connect(self._on_teardown, app)
        got_request_exception.connect(self._on_exception, app)

    def _on_exception(self, _sender: object, exception: Any = None, **_more: Any) -> None:
        """Record what a handler raised and Flask makes an error page of."""
        try:
            from flask import g  # late: flask is optional

            state: _Request | None = getattr(g, _STATE, None)
            if state is not None and exception is not None:
                state.fail(exception)
        except Exception:  # noqa: S110 - as above
            pass

    def _on_teardown(self, _sender: object, exc: BaseException | None = None, **_more: Any) -> None:
        self.teardown_request(exc)


def flask_middleware(client: RacewayClient) -> FlaskMiddleware:
    """Make the hooks that put each request of a Flask application into a trace.

    Args:
        client: Records the events.

    Returns:
        An object with ``before_request()`` and ``after_request(response)`` to be called from
        the application's hooks, or with ``init_app(app)`` to register them.

    Example:
        >>> middleware = flask_middleware(RacewayClient())
        >>> middleware.after_request("any response")
        'any response'
    """
    return FlaskMiddleware(client)


class RacewayMiddleware:
    """Puts each request of an ASGI application into a trace. For Starlette, FastAPI and others.

    Websocket and lifespan connections pass through. What comes after the response, such as
    background tasks, belongs to the trace of the request. An application that is mounted in another
    one may have the same middleware: the request is recorded once.

    Args:
        app: The application.
        client: Records the events; one with the default configuration if missing.

    Example:
        >>> from raceway.client import RacewayClient
        >>> async def app(scope, receive, send): ...
        >>> wrapped = RacewayMiddleware(app, client=RacewayClient())
    """

    def __init__(self, app: App, client: RacewayClient | None = None) -> None:
        self.app = app
        self.client = client if client is not None else RacewayClient()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection.

        Args:
            scope: As in the ASGI specification.
            receive: As in the ASGI specification.
            send: As in the ASGI specification.

        Source: ASGI specification (https://asgi.readthedocs.io/en/latest/specs/www.html).
        """
        state = self._begin(scope) if scope.get("type") == "http" else None
        if state is None:
            await self.app(scope, receive, send)
            return
        status, headers = 500, None

        async def observed(message: Message) -> None:
            nonlocal status, headers
            kind = message.get("type")
            if kind == "http.response.start":
                status, headers = message.get("status", 500), message.get("headers")
            elif kind == "http.response.body" and not message.get("more_body"):
                # Now, as the caller may go on while we do: what is still to come is not before it.
                state.answer(status, headers)
            await send(message)

        try:
            await self.app(scope, receive, observed)
        except BaseException as error:
            state.fail(error)
            raise
        finally:
            state.finish(status, headers)

    def _begin(self, scope: Scope) -> _Request | None:
        try:
            headers = list(scope.get("headers") or ())
            if any(name.lower() == _INTERNAL.encode() for name, _value in headers):
                return None
            served = scope.get(_SERVED, ())
            if self.client in served or _is_told(self.client, scope):
                return None
            scope[_SERVED] = (*served, self.client)
            return _Request(self.client, headers, scope.get("method", ""), scope.get("path", ""))
        except Exception:  # the request is served without a trace
            return None


FastAPIMiddleware = RacewayMiddleware
"""The same middleware under the name that FastAPI users look for."""
