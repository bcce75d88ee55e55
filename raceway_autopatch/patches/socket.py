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

SUPPORTS = None

_DIRECTIONS_KEPT = 8192
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
        self.parts: deque[tuple[int, int]] = deque(maxlen=_PARTS_KEPT)
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


_End = tuple[_Direction, _Direction]

_directions: dict[tuple[Any, Any], _Direction] = {}
"""By sender's and receiver's name, of the last connections."""
_ends: dict[int, tuple[Any, _End | None]] = {}
"""By address of a socket object: a weak reference, and the directions out and in."""


def _end_of(socket: Any) -> _End | None:
    """Return what leaves and what comes by this socket; None if there is no other end here."""
    key = id(socket)
    known = _ends.get(key)
    if known is not None and known[0]() is socket:
        return known[1]
    end: _End | None = None
    try:
        if socket.type == _STREAM and socket.family in _families():
            here, there = _name(socket.getsockname()), _name(socket.getpeername())
            if here[0] == there[0] or here[0].startswith("127."):
                end = _direction(here, there), _direction(there, here)
    except OSError:
        return None  # not connected, or not any more
    _ends[key] = ref(socket, lambda _: _ends.pop(key, None)), end
    return end


def _families() -> tuple[int, int]:
    native = sys.modules["_socket"]
    return native.AF_INET, native.AF_INET6


def _name(address: Any) -> tuple[str, int]:
    return address[0].removeprefix("::ffff:"), address[1]


def _direction(sender: tuple[str, int], receiver: tuple[str, int]) -> _Direction:
    key = (sender, receiver)
    direction = _directions.get(key)
    if direction is None:
        direction = _directions.setdefault(key, _Direction())
        while len(_directions) > _DIRECTIONS_KEPT:
            _directions.pop(next(iter(_directions)), None)
    return direction


@contained
def _sending(socket: Any) -> _Direction | None:
    end = _end_of(socket) if recorder.status.active else None
    if end is None:
        return None
    end[0].send()
    return end[0]


@contained
def _received(socket: Any, count: int) -> None:
    end = _end_of(socket) if recorder.status.active else None
    if end is not None:
        end[1].receive(count)


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
    _directions.clear()
    _ends.clear()
