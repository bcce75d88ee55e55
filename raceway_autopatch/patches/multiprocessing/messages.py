"""multiprocessing.connection: what was sent happens before the ``recv`` that received it.

The bytes on a pipe stay as they are.  A message is known by the pipe, its length and a checksum;
equal ones are received in the order in which they were sent, as in the pipe itself.  So a message
of a process that is not recorded mixes nothing up.  Connections that a ``Listener`` has accepted
order nothing: who is at their other end is not known.
"""

from __future__ import annotations

import _thread
import os
import sys
from binascii import crc32

from raceway.model import ops
from raceway.record import recorder, shared
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TRACE = "_raceway"
_SUMMED = 4096
"""Bytes at either end of a message that its checksum is made of."""

passing = _thread._local()
"""On the feeder thread of a queue: ``channel`` of the put whose item it is about to send."""


def pipe_of(connection: Any) -> str:
    """Return the name of the pipe or socket that a connection is an end of."""
    handle = connection._handle
    known = connection.__dict__.get(TRACE)
    if known is None or known[0] != handle:
        found = os.fstat(handle)
        known = connection.__dict__[TRACE] = handle, f"{found.st_dev}:{found.st_ino}"
    name: str = known[1]
    return name


def is_child() -> bool:
    """Return whether multiprocessing has started this process."""
    return getattr(sys.modules.get("multiprocessing.process"), "_parent_process", None) is not None


def rest(connection: Any) -> None:
    """Write out what a child process has recorded, if it is about to wait for a message.

    It may be stopped meanwhile: a parent that ends stops its daemons, and SIGTERM has the default
    action in a forked child.
    """
    try:
        if recorder.BUFFER and is_child() and not connection.poll(0):
            recorder.flush()
    except OSError:  # it is closed: the program will hear of that
        pass


def _message(connection: Any, data: Any) -> str:
    view = memoryview(data).cast("B")
    total = crc32(view[-_SUMMED:], crc32(view[:_SUMMED]))
    return f"{pipe_of(connection)}|{len(view)}-{total:x}"


def _sending(connection: Any, data: Any) -> None:
    channel = passing.__dict__.pop("channel", 0)
    shared.sync(ops.POST, channel, (_message(connection, data), 1))


def _received(connection: Any, stream: Any) -> None:
    shared.sync(ops.TAKE, 0, _message(connection, stream.getbuffer()))


def _send_bytes(original: Callable[..., Any]) -> Callable[..., Any]:
    sending = contained(_sending)

    def _send_bytes(self: Any, buf: Any) -> Any:
        sending(self, buf)
        return original(self, buf)

    return _send_bytes


def _recv_bytes(original: Callable[..., Any]) -> Callable[..., Any]:
    resting, received = contained(rest), contained(_received)

    def _recv_bytes(self: Any, maxsize: Any = None) -> Any:
        resting(self)
        stream = original(self, maxsize)
        if stream is not None:  # the message is longer than its reader wants
            received(self, stream)
        return stream

    return _recv_bytes


def _made(ends: tuple[Any, Any]) -> None:
    one, two = map(pipe_of, ends)
    if one != two:
        recorder.define((ops.DEF_PEERS, one, two))


def _pipe(original: Callable[..., Any]) -> Callable[..., Any]:
    made = contained(_made)

    def Pipe(duplex: bool = True) -> Any:  # noqa: N802 - it becomes the function
        ends = original(duplex)
        made(ends)
        return ends

    return Pipe


PATCHES = (
    around("Pipe", _pipe),
    around("Connection._send_bytes", _send_bytes),
    around("Connection._recv_bytes", _recv_bytes),
)
