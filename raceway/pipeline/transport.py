"""One HTTP connection to the server, and what is known of a request that failed.

The server does not recognise an event that it has seen before, so a batch may be sent again only
if it certainly did not arrive. That is the case if there was no connection, if the request could
not be written to its end (the server cannot parse a part of it), or if the server answered with an
error. If it was written and no answer came, nobody knows.

So that this is rare, a new connection is tried out with an empty batch, which does no harm if it
arrives twice: whoever takes connections for a server that is not there (a proxy, a container, a
process that hangs) gets no event to lose.

What waits for the network sees SIGTERM meanwhile (``sigterm.wait_for``), but for the lookup of a
name, and the handshake with TLS or a proxy.

``http.client`` is imported with the first request: it imports socket and ssl, which a program that
uses gevent must be able to patch before.
"""

from __future__ import annotations

import binascii
import codecs
import errno
import functools
import io
import os
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from raceway.pipeline import native, sigterm

if TYPE_CHECKING:
    import socket
    from http.client import HTTPConnection
    from urllib.parse import SplitResult

importing = native.allocate_lock()
"""Held while the sender's thread imports: a process that is forked in the middle of it would find
the module locked for ever. The sender's fork hooks take it."""

_inherited: list[HTTPConnection] = []
_MAX_ANSWER = 64 * 1024
_MAX_RETRY_AFTER = 120.0  # seconds; a server that asks for more is asked again earlier
_IDLE = 4.0  # seconds; after five of them many servers hang up, perhaps just when a batch comes
_PIECE = 64 * 1024  # bytes that are handed to a socket at once
_PROXY_PORT = 80  # as for any URL that names none
_NOTHING = b'{"events":[]}'
_UNGUARDED: AbstractContextManager[Any] = nullcontext()
_PROOF = frozenset({400, 413, 422})  # answers that only say something about the empty batch


@dataclass(frozen=True)
class Answer:
    """What came of one request.

    Attributes:
        status: HTTP status, or 0 without an answer.
        text: Body of the answer.
        retry_after: What the server asked for, in seconds.
        error: Without an answer, why.
        may_have_arrived: Without an answer, whether the server may have got the batch.
    """

    status: int = 0
    text: str = ""
    retry_after: float | None = None
    error: str = ""
    may_have_arrived: bool = False


class Transport:
    """Posts batches over a connection that is kept open. For one thread at a time.

    Args:
        endpoint: Base URL of the server.
        api_key: Key for the server, if it wants one.
        timeout: Limit for connecting, for sending a batch and for its answer, in seconds.
        proxy: URL of an HTTP proxy, or None. What the server's key is stays hidden from it only if
            the endpoint is one of TLS: then it passes on a tunnel.

    Attributes:
        endpoint: Base URL of the server.
        entrusted: Whether the server may have got the batch that was posted last. Set to False by
            who has taken note of the answer.
    """

    def __init__(
        self, endpoint: str, api_key: str | None, timeout: float, proxy: str | None = None
    ) -> None:
        self.endpoint = endpoint
        parts = urlsplit(endpoint)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or "localhost"
        self._port = parts.port
        self._path = parts.path.rstrip("/") + "/events"
        self._timeout = timeout
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": "raceway-python",
            # Raceway's middlewares skip requests with this header: no trace of the tracing.
            "X-Raceway-Internal": "true",
        }
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
            self._headers["X-Raceway-Key"] = api_key
        self._proxy = urlsplit(proxy) if proxy else None
        self._proxy_headers = _authorization(self._proxy)
        if self._proxy is not None and not self._tls:
            self._path = f"{endpoint.rstrip('/')}/events"  # a proxy is told the whole URL
            self._headers.update(self._proxy_headers)
        self.entrusted = False
        self._connection: HTTPConnection | None = None
        self._used_at = 0.0
        self._tried = False

    def post(self, body: bytes, lock: AbstractContextManager[Any] = _UNGUARDED) -> Answer:
        """Send one batch and wait for the answer. Raises nothing that a network can cause.

        Args:
            body: The batch as JSON.
            lock: Taken to say that it is on its way. While somebody else has it, it does not go.
        """
        try:
            connection = self._connected()
            if not self._tried:
                answer = self._exchange(connection, _NOTHING)
                self._tried = 200 <= answer.status < 300 or answer.status in _PROOF
                if not self._tried:
                    return replace(answer, may_have_arrived=False)
                connection = self._connected()
        except Exception as error:  # name resolution, refusal, timeout, TLS, a bad proxy
            self.close()
            return Answer(error=_reason(error))
        with lock:
            self.entrusted = True
        return self._exchange(connection, body)

    def _exchange(self, connection: HTTPConnection, body: bytes) -> Answer:
        failure = ""
        try:
            connection.request("POST", self._path, body, self._headers)
            _acknowledge_at_once(connection.sock)
        except Exception as error:  # not all of it was written
            failure = _reason(error)
        try:
            # Also after a failure: a server that refuses a large body answers and hangs up.
            answer = self._read(connection)
        except Exception as error:  # reset, timeout, not HTTP
            self.close()
            return Answer(error=failure or _reason(error), may_have_arrived=not failure)
        if failure:
            self.close()
        return answer

    def close(self) -> None:
        """Close the connection; the next batch opens a new one."""
        self._tried = False
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:  # noqa: S110 - there is nothing left to do with it
                pass

    def forget(self) -> None:
        """Drop a connection inherited from the parent of a process fork, without a word on it."""
        self._tried = self.entrusted = False
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # Kept alive: its buffer may have been locked by the parent's thread, and freeing it would
        # wait for that lock. The parent's end must not depend on this process, hence the close.
        _inherited.append(connection)
        try:
            os.close(connection.sock.detach())
        except Exception:  # noqa: S110 - closed by the parent at that very moment
            pass

    def _connected(self) -> HTTPConnection:
        connection = self._connection
        if connection is not None and not self._usable(connection):
            self.close()
            connection = None
        if connection is None:
            with importing:
                from http import client  # late: see the top of this file

                # Looking up a host name would import this one, outside of the lock.
                codecs.lookup("idna")
            make = client.HTTPSConnection if self._tls else client.HTTPConnection
            if self._proxy is None:
                connection = make(self._host, self._port, timeout=self._timeout)
            else:
                host, port = self._proxy.hostname or "", self._proxy.port or _PROXY_PORT
                connection = make(host, port, timeout=self._timeout)
                if self._tls:
                    connection.set_tunnel(self._host, self._port, self._proxy_headers)
            if sigterm.IN_C:
                # An attribute that is there to be replaced, as http.client says.
                connection._create_connection = _reach  # type: ignore[attr-defined]
            connection.connect()
            send = functools.partial(_send, connection.sock, self._timeout)
            connection.send = send  # type: ignore[method-assign]
            connection.response_class = self._response  # type: ignore[assignment]  # it is called
            self._connection = connection
        return connection

    def _usable(self, connection: HTTPConnection) -> bool:
        """Return whether the server still holds the other end of an idle connection."""
        sock: Any = connection.sock
        if sock is None or time.monotonic() - self._used_at > _IDLE:
            return False
        if self._tls:  # what the peer has done cannot be seen by peeking
            sock.settimeout(self._timeout)
            return True
        from socket import MSG_PEEK

        try:
            sock.setblocking(False)
            sock.recv(1, MSG_PEEK)
        except BlockingIOError:
            sock.settimeout(self._timeout)
            return True
        except OSError:
            return False
        return False  # closed by the server, or it sent what nobody asked for

    def _response(self, sock: Any, *args: Any, **more: Any) -> Any:
        from http.client import HTTPResponse

        bounded: Any = _Bounded(sock, time.monotonic() + self._timeout)
        return HTTPResponse(bounded, *args, **more)

    def _read(self, connection: HTTPConnection) -> Answer:
        response = connection.getresponse()
        body = response.read(_MAX_ANSWER)
        retry_after = response.getheader("Retry-After")
        if not response.isclosed():
            # Longer than any answer of a Raceway server. (The connection is in the middle of it.)
            self.close()
        elif connection.sock is None:
            self._connection = None  # as the server has said: the next one need not be tried out
        self._used_at = time.monotonic()
        text = body.decode("utf-8", "replace")
        return Answer(response.status, text, _seconds(retry_after))


class _Bounded(io.RawIOBase):
    """What is read from a socket until a deadline, however slowly it comes."""

    def __init__(self, sock: Any, deadline: float) -> None:
        self._socket = sock
        self._deadline = deadline
        self._file = sock.makefile("rb", 0)  # keeps it open if the server wants it closed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the answer takes too long")
        if not _has_decrypted(self._socket) and not sigterm.wait_for(self._socket, remaining):
            raise TimeoutError("the answer takes too long")
        self._socket.settimeout(remaining)
        read: int | None = self._file.readinto(buffer)
        return read

    def close(self) -> None:
        self._file.close()
        super().close()

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)


def _reach(address: tuple[str, int], timeout: float, _source: object = None) -> socket.socket:
    """Do what ``socket.create_connection`` does, and see SIGTERM meanwhile."""
    import socket  # late: see the top of this file

    failure = OSError("the name has no address")
    for family, kind, protocol, _, place in socket.getaddrinfo(*address, 0, socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            _connect(sock, place, timeout)
        except OSError as error:
            failure = error
            sock.close()
        else:
            return sock
    raise failure


def _connect(sock: socket.socket, place: Any, timeout: float) -> None:
    import socket  # late: see the top of this file

    sock.setblocking(False)
    error = sock.connect_ex(place)
    if error == errno.EINPROGRESS:
        if not sigterm.wait_for(sock, timeout, writing=True):
            raise TimeoutError("timed out")
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))
    sock.settimeout(timeout)


def _send(sock: Any, timeout: float, data: bytes) -> None:
    """Do what ``sendall`` of a socket does, and see SIGTERM meanwhile."""
    deadline = time.monotonic() + timeout
    left = memoryview(data)
    while left:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not sigterm.wait_for(sock, remaining, writing=True):
            raise TimeoutError("the request takes too long")
        sock.settimeout(remaining)
        left = left[sock.send(left[:_PIECE]) :]


def _has_decrypted(sock: Any) -> bool:
    """Return whether there is something to be read that cannot be seen from outside."""
    return hasattr(sock, "pending") and sock.pending() > 0


def _acknowledge_at_once(sock: Any) -> None:
    """Let the kernel acknowledge the first part of an answer without waiting for the second.

    A server that writes header and body of an answer separately, without TCP_NODELAY, waits for
    that acknowledgement in between: 40 ms for each batch. Linux only; it wears off by itself.
    """
    import socket  # late: see the top of this file

    option = getattr(socket, "TCP_QUICKACK", None)
    if option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option, 1)


def _authorization(proxy: SplitResult | None) -> dict[str, str]:
    """Return the header that tells a proxy who we are, if its URL does."""
    if proxy is None or proxy.username is None:
        return {}
    said = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    digits = binascii.b2a_base64(said, newline=False).decode("ascii")
    return {"Proxy-Authorization": f"Basic {digits}"}


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split())  # what a stranger answers may have several lines
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _seconds(retry_after: str | None) -> float | None:
    """Read a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        with importing:
            from email.utils import parsedate_to_datetime  # late: hardly any server sends a date

        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, TypeError):
            return None
    if seconds != seconds:  # noqa: PLR0124 - the definition of NaN, which says as little as no header
        return None
    return max(0.0, min(_MAX_RETRY_AFTER, seconds))
