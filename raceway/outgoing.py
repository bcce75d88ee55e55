"""Calls to other services, which carry the current trace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from raceway import context

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from raceway.config import Config
    from raceway.pipeline.emitter import Emitter


class Outgoing:
    """The part of a client that calls other services. Nothing of it is used for delivery."""

    config: Config
    _emitter: Emitter
    _session: tuple[int, requests.Session] | None = None

    def propagation_headers(self, extra_headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the headers that carry the current trace to another service.

        To be called once for each call: the callee gets a span id of its own.

        Args:
            extra_headers: Headers to be included.

        Returns:
            The extra headers with ``traceparent``, ``raceway-clock`` and, if one came in,
            ``tracestate``.

        Raises:
            RuntimeError: No trace is open in this thread or task.

        Example:
            >>> client = RacewayClient()
            >>> trace_id = client.start_trace()
            >>> sorted(client.propagation_headers({"x-service-name": "payments"}))
            ['raceway-clock', 'traceparent', 'x-service-name']
            >>> client.end_trace()

        Source: W3C Trace Context (https://www.w3.org/TR/trace-context/).
        """
        trace = context.current()
        if trace is None:
            message = (
                "propagation_headers() called outside of an active context: "
                "call start_trace() first, or use the Flask or ASGI middleware"
            )
            raise RuntimeError(message)
        own = context.format_headers(trace, self.config.service_name, self._emitter.instance())
        result = {
            name: value for name, value in (extra_headers or {}).items() if name.lower() not in own
        }
        result.update(own)
        return result

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Make an HTTP request that carries the current trace, if there is one.

        Cookies that a service sets are not kept for later requests.

        Args:
            method: Such as ``GET``.
            url: An absolute URL.
            **kwargs: As for :meth:`requests.Session.request`. A ``traceparent`` among the headers
                is left as it is.

        Returns:
            The response.

        Raises:
            requests.RequestException: As :mod:`requests` does.

        Example:
            >>> client = RacewayClient()
            >>> client.request("POST", "http://ledger.internal/debit", json={})  # doctest: +SKIP
        """
        headers = dict(kwargs.pop("headers", None) or {})
        if context.current() is not None and not any(_is_traceparent(name) for name in headers):
            headers = self.propagation_headers(headers)
        return self.session.request(method, url, headers=headers, **kwargs)

    @property
    def session(self) -> requests.Session:
        """The session that :meth:`request` uses: one per process, none of it used for delivery."""
        session = self._session
        if session is None or session[0] != os.getpid():
            # Late: requests imports ssl, which a program that uses gevent must patch before.
            from http.cookiejar import DefaultCookiePolicy

            import requests

            session = self._session = (os.getpid(), requests.Session())
            # One session serves the requests of all: a cookie that one got is not for the next.
            session[1].cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session[1]

    def _close_session(self) -> None:
        session, self._session = self._session, None
        if session is not None and session[0] == os.getpid():
            session[1].close()


def _is_traceparent(name: object) -> bool:
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    return isinstance(name, str) and name.lower() == "traceparent"
