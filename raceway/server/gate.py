"""What stands before every route: the name that was asked for, the key, the rate, the headers."""

from __future__ import annotations

import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from raceway.server.answers import failure
from raceway.server.keys import Keys, RateLimit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from raceway.server.keys import Key
    from raceway.server.keys import Scope as KeyScope
    from raceway.server.options import ServerOptions

COOKIE: Final = "raceway_session"
_OPEN: Final = ("/health", "/auth/", "/static/", "/login")
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Gate:
    """ASGI middleware: refuses what must not come in.

    Args:
        app: What comes behind.
        options: Of the server.
        keys: Keys and sessions.
    """

    def __init__(self, app: ASGIApp, options: ServerOptions, keys: Keys) -> None:
        self._app = app
        self._keys = keys
        self._limit = RateLimit(options.rate_limit) if options.rate_limit else None
        # Where a key is asked for, and the address is open, the names are not known.
        self._any_host = not options.is_loopback and not options.hosts
        names = {"localhost", "127.0.0.1", "::1", options.host, *options.hosts}
        self._hosts = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        refusal = self._refuse(scope, headers)
        if refusal is None:
            await self._app(scope, receive, send_safely)
            return
        error, status, more = refusal
        if status == 401 and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
            status, more = 303, {"location": "/login"}
        await failure(error, status, more)(scope, receive, send_safely)

    def _refuse(
        self, scope: Scope, headers: dict[str, str]
    ) -> tuple[str, int, dict[str, str]] | None:
        host = headers.get("host", "")
        if not self._any_host and _host_name(host) not in self._hosts:
            hint = "add it to [server] hosts in raceway.toml"
            return f"this server is not known as {host[:80]!r}: {hint}", 421, {}
        path, method = scope["path"], scope["method"]
        key, by_cookie = self._who(headers)
        scope["raceway.key"] = key
        unsafe = method not in _SAFE
        if unsafe and not _same_origin(headers, host):
            return "requests from pages of other sites are refused", 403, {}
        if self._keys.required and not path.startswith(_OPEN):
            if key is None:
                return "Unauthorized", 401, {"www-authenticate": "Bearer"}
            wanted: KeyScope = "read"
            if unsafe:
                wanted = "ingest" if path == "/events" else "admin"
            if not key.allows(wanted) or (by_cookie and path == "/events"):
                return f"the key does not allow to {wanted}", 403, {}
        if self._limit is not None and path != "/health":
            client = scope.get("client") or ("", 0)
            who = key.digest.hex() if key is not None else str(client[0])
            wait = self._limit.wait(who, time.monotonic())
            if wait:
                return "Too Many Requests", 429, {"retry-after": str(int(wait) + 1)}
        return None

    def _who(self, headers: dict[str, str]) -> tuple[Key | None, bool]:
        """Return the key of a request, and whether it came by a cookie."""
        if not self._keys.required:
            return None, False
        text = headers.get("authorization", "")
        given = text[7:] if text[:7] in {"Bearer ", "bearer "} else headers.get("x-raceway-key", "")
        if given:
            return self._keys.find(given), False
        token = session_token(headers.get("cookie", ""))
        return (self._keys.session(token) if token else None), True


def session_token(cookie: str) -> str:
    """Return the token of the session that a Cookie header names, or an empty string."""
    try:
        found = SimpleCookie(cookie).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _host_name(host: str) -> str:
    """Return the name in a Host header, without the port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _same_origin(headers: dict[str, str], host: str) -> bool:
    """Tell whether a request comes from our own pages, or from no page at all."""
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return False
    origin = headers.get("origin", "")
    return not origin or urlsplit(origin).netloc.lower() == host.lower()
