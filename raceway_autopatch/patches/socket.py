"""socket, ssl: what was sent over a connection happens before its receipt, within one process.

Emits: hand-off before bytes leave and before an end is shut down, receive for the bytes and the end
that have come.  With that a request is ordered before its handler, and the response before what the
client does next, whatever client and server make of the bytes, and nothing has to be added to them.

The two ends of a TCP connection know each other's names, and that pair names a direction.  Only
connections within one machine are looked at, those to others have no second end here.  Bytes are
counted, as what is sent later is not known to who has received the first part.
"""

from __future__ import annotations

import sys

# Not from collections, which takes longer to import than all of this.
from _collections import deque  # type: ignore[import-not-found]  # has no stub
from _weakref import ref

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    _Name = tuple[str, int]

SUPPORTS = None

_CONNECTIONS_KEPT = 4096
_PARTS_KEPT = 1024
_STREAM = 1
_PEEK = 2


class _Direction:
    """One direction of a connection.

    Attributes:
        parts: What is on its way: how many bytes were sent before it, and its channel.
        sent: Bytes that have left.
        received: Bytes that have come.
        unused: Channels that can be used again.
    """

    __slots__ = ("parts", "received", "sent", "unused")

    def __init__(self) -> None:
        self.parts: deque[tuple[int, int]] = deque((), _PARTS_KEPT)
        self.sent = 0
        self.received = 0
        self.unused: list[int] = []

    def send(self) -> None:
        """Note that something is about to leave."""
        channel = self.unused.pop() if self.unused else recorder.next_channel()
        recorder.sync(ops.HANDOFF, channel)
        self.parts.append((self.sent, channel))

    def receive(self, count: int) -> None:
        """Note that bytes have come; without any, it is the end of all."""
        self.received += count
        while self.parts and (not count or self.parts[0][0] < self.received):
            channel = self.parts.popleft()[1]
            recorder.sync(ops.RECEIVE, channel)
            self.unused.append(channel)


class _Connection:
    """Both directions of a connection, from when one end is used until both are gone.

    Attributes:
        first: Name of the end that was used first.
        there: Its direction out.
        back: The other one.
        open: The socket objects of both ends that are alive, by address.
        met: Whether both ends were seen.
    """

    __slots__ = ("back", "first", "met", "open", "there")

    def __init__(self, first: _Name) -> None:
        self.first = first
        self.there = _Direction()
        self.back = _Direction()
        self.open: set[int] = set()
        self.met = False


class _End(ref):  # type: ignore[type-arg]  # subscripts are evaluated
    """One end of a connection, known by its socket.

    Attributes:
        address: That of the socket object.
        key: That of the connection; None if there is no other end here.
        out: What leaves by it; None likewise.
        incoming: What comes by it; None likewise.
    """

    __slots__ = ("address", "incoming", "key", "out")

    address: int
    key: tuple[_Name, _Name] | None
    out: _Direction | None
    incoming: _Direction | None


_connections: dict[tuple[_Name, _Name], _Connection] = {}
"""By the names of both ends, the smaller one first."""
_ends: dict[int, _End] = {}
"""By address of the socket object."""


def _end_of(socket: Any) -> _End | None:
    """Return the end that this socket is; None if it is not connected."""
    address = id(socket)
    end = _ends.get(address)
    if end is not None and end() is socket:
        return end
    end = _End(socket, _gone)
    end.address = address
    end.key = end.out = end.incoming = None
    try:
        if _may_have_a_name(socket):
            here, peer = _name(socket.getsockname()), _name(socket.getpeername())
            if here[0] == peer[0] or here[0].startswith("127."):
                _connect(end, here, peer)
    except OSError:
        return None  # not connected, or not any more
    _ends[address] = end
    return end


def _connect(end: _End, here: _Name, peer: _Name) -> None:
    key = end.key = (here, peer) if here < peer else (peer, here)
    connection = _connections.get(key)
    if connection is None:
        connection = _connections.setdefault(key, _Connection(here))
        while len(_connections) > _CONNECTIONS_KEPT:
            _connections.pop(next(iter(_connections)), None)
    connection.open.add(end.address)
    if here == connection.first:
        end.out, end.incoming = connection.there, connection.back
    else:
        end.out, end.incoming = connection.back, connection.there
        connection.met = True


def _gone(end: _End) -> None:
    """Forget an end when its socket has gone, and the connection if the other one has, too.

    Until the other one has come it may still want to know what was sent.
    """
    _ends.pop(end.address, None)
    connection = _connections.get(end.key) if end.key is not None else None
    if connection is not None:
        connection.open.discard(end.address)
        if connection.met and not connection.open:
            _connections.pop(end.key, None)  # type: ignore[arg-type]  # it is not None


def _may_have_a_name(socket: Any) -> bool:
    native = sys.modules["_socket"]
    plain = native.socket
    if isinstance(socket, plain):  # past its properties, which make enumerations of numbers
        kind, family = plain.type.__get__(socket), plain.family.__get__(socket)
    else:  # that of gevent
        kind, family = socket.type, socket.family
    return kind == _STREAM and family in (native.AF_INET, native.AF_INET6)


def _name(address: Any) -> _Name:
    return address[0].removeprefix("::ffff:"), address[1]


@contained
def _sending(socket: Any) -> _Direction | None:
    end = _end_of(socket) if recorder.status.active else None
    if end is None or end.out is None:
        return None
    end.out.send()
    return end.out


@contained
def _received(socket: Any, count: int) -> None:
    end = _end_of(socket) if recorder.status.active else None
    if end is not None and end.incoming is not None:
        end.incoming.receive(count)


@contained
def _closing(socket: Any) -> None:
    if id(socket) in _ends:  # else nothing was ever sent or received
        _sending(socket)


# ---------------------------------------------------------------- methods


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        direction = _sending(self)
        count = original(self, *args, **kwargs)
        if direction is not None:
            direction.sent += count
        return count

    return send


def _sendall(original: Callable[..., Any]) -> Callable[..., Any]:
    def sendall(self: Any, data: Any, *args: Any) -> Any:
        direction = _sending(self)
        result = original(self, data, *args)
        if direction is not None:
            direction.sent += memoryview(data).nbytes
        return result

    return sendall


def _shutdown(original: Callable[..., Any]) -> Callable[..., Any]:
    def shutdown(self: Any, *args: Any) -> Any:
        _closing(self)
        return original(self, *args)

    return shutdown


def _recv(original: Callable[..., Any]) -> Callable[..., Any]:
    def recv(self: Any, *args: Any) -> Any:
        data = original(self, *args)
        if args[0] and not (len(args) > 1 and args[1] & _PEEK):
            _received(self, len(data))
        return data

    return recv


def _recv_into(original: Callable[..., Any]) -> Callable[..., Any]:
    def recv_into(self: Any, *args: Any, **kwargs: Any) -> Any:
        count = original(self, *args, **kwargs)
        flags = args[2] if len(args) > 2 else kwargs.get("flags", 0)
        if not flags & _PEEK:
            _received(self, count)
        return count

    return recv_into


def _send_secretly(original: Callable[..., Any]) -> Callable[..., Any]:
    counted = _send(original)

    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Without TLS it is the plain method that sends.
        plain = getattr(self, "_sslobj", None) is None
        return (original if plain else counted)(self, *args, **kwargs)

    return send


def _read(original: Callable[..., Any]) -> Callable[..., Any]:
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        data = original(self, *args, **kwargs)
        _received(self, data if isinstance(data, int) else len(data))
        return data

    return read


_BOTH = (
    around("socket.send", _send, optional=True),
    around("socket.sendmsg", _send, optional=True),
    around("socket.shutdown", _shutdown, optional=True),
    around("socket.close", _shutdown, optional=True),
    around("socket.recv", _recv, optional=True),
    around("socket.recv_into", _recv_into, optional=True),
)
_SECURE = (
    around("SSLSocket.send", _send_secretly, optional=True),
    around("SSLSocket.write", _send_secretly, optional=True),
    around("SSLSocket.read", _read, optional=True),
)
PATCHES = {
    # That of gevent sends all by send().
    "socket": (*_BOTH, around("socket.sendall", _sendall, optional=True)),
    "gevent._socket3": _BOTH,
    "ssl": _SECURE,
    "gevent.ssl": _SECURE,
}


def teardown() -> None:
    """Forget the connections."""
    _connections.clear()
    _ends.clear()
