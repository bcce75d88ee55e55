"""http.client: what came before a call happens before the handler, and its reply before the caller.

Emits: as for requests and urllib3, whose calls go through here and are recorded there.  What is
left are calls by ``urllib.request``, ``xmlrpc.client``, and by hand.

A request is complete when its headers are: ``endheaders`` finds them, line by line, in the
connection's buffer.
"""

from __future__ import annotations

from raceway.record import recorder
from raceway_autopatch import http_calls
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SUPPORTS = None

_CALL = "_raceway_call"


class _Headers:
    """The headers that a connection is about to send."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        lines = connection._buffer[1:]
        self._lines = {line.partition(b":")[0].strip().lower(): line for line in lines}

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._lines

    def __setitem__(self, name: str, value: str) -> None:
        line = self._lines.pop(name.encode(), None)
        if line is not None:
            self._connection._buffer.remove(line)
        self._connection.putheader(name, value)

    def get(self, name: str) -> str | None:
        """Return one as text."""
        line = self._lines.get(name.encode())
        return None if line is None else line.partition(b":")[2].strip().decode("latin-1")


@contained
def _begin(connection: Any) -> None:
    if not recorder.status.active or not connection._buffer:
        return
    method, target, *_ = connection._buffer[0].decode("latin-1").split(" ")
    if "://" not in target:
        host, port = connection.host, connection.port
        if connection._tunnel_host:
            host, port = connection._tunnel_host, connection._tunnel_port
        secure = connection.default_port == 443
        shown = f"[{host}]" if ":" in host else host
        shown += "" if port in (None, connection.default_port) else f":{port}"
        target = f"http{'s' if secure else ''}://{shown}{target}"
    connection.__dict__[_CALL] = http_calls.begin(method, target, _Headers(connection))


@contained
def _end(connection: Any, status: int, headers: Any) -> None:
    call = connection.__dict__.pop(_CALL, None)
    if call is not None:
        call.end(status, headers)


def _endheaders(original: Callable[..., None]) -> Callable[..., None]:
    def endheaders(self: Any, *args: Any, **kwargs: Any) -> None:
        _begin(self)
        try:
            original(self, *args, **kwargs)
        except BaseException:
            _end(self, 0, None)
            raise

    return endheaders


def _getresponse(original: Callable[..., Any]) -> Callable[..., Any]:
    def getresponse(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            response = original(self, *args, **kwargs)
        except BaseException:
            _end(self, 0, None)
            raise
        _end(self, getattr(response, "status", 0), getattr(response, "headers", None))
        return response

    return getresponse


PATCHES = (
    around("HTTPConnection.endheaders", _endheaders),
    around("HTTPConnection.getresponse", _getresponse),
)
