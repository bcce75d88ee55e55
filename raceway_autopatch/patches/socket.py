"""socket, ssl: what was sent over a connection happens before its receipt, within one process.

Emits: hand-off before bytes leave and before an end is shut down, receive for the bytes and the end
that have come.  With that a request is ordered before its handler, and the response before what the
client does next, whatever client and server make of the bytes, and nothing has to be added to them.

The two ends of a TCP connection know each other's names, and that pair names a direction.  Only
connections within one machine are looked at, those to others have no second end here.  The two ends
of a socket pair come together; those that the standard library makes for itself are left alone.
"""

from __future__ import annotations

import sys
from _weakref import ref

from raceway.record import recorder
from raceway_autopatch.byte_streams import Direction
from raceway_autopatch.internals import caller, is_internal
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    _Name = tuple[str, int]

SUPPORTS = None

_CONNECTIONS_KEPT = 4096
_STREAM = 1
_PEEK = 2


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
        self.there = Direction()
        self.back = Direction()
        self.open: set[int] = set()
        self.met = False


class _End(ref):  # type: ignore[type-arg]  # subscripts are evaluated
    """One end of a connection, known by its socket.

    Attributes:
        address: That of the socket object.
        key: That of the connection; None if there is no other end here, or they are a pair.
        out: What leaves by it; None if there is no other end here.
        incoming: What comes by it; None likewise.
    """

    __slots__ = ("address", "incoming", "key", "out")

    address: int
    key: tuple[_Name, _Name] | None
    out: Direction | None
    incoming: Direction | None


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


@contained
def _paired(sockets: tuple[Any, Any]) -> None:
    if sockets[0].type == _STREAM:
        there, back = Direction(), Direction()
        for socket, out, incoming in zip(sockets, (there, back), (back, there), strict=True):
            end = _End(socket, _gone)
            end.address, end.key, end.out, end.incoming = id(socket), None, out, incoming
            _ends[end.address] = end


@contained
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
def _sending(socket: Any) -> Direction | None:
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


# ---------------------------------------------------------------- functions and methods


def _socketpair(original: Callable[..., Any]) -> Callable[..., Any]:
    def socketpair(*args: Any, **kwargs: Any) -> Any:
        sockets = original(*args, **kwargs)
        if not is_internal(caller().f_globals):
            _paired(sockets)
        return sockets

    return socketpair


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
    "socket": (
        *_BOTH,
        around("socket.sendall", _sendall, optional=True),
        around("socketpair", _socketpair, optional=True),
    ),
    "gevent._socket3": (*_BOTH, around("socketpair", _socketpair, optional=True)),
    "ssl": _SECURE,
    "gevent.ssl": _SECURE,
}


def teardown() -> None:
    """Forget the connections."""
    _connections.clear()
    _ends.clear()
