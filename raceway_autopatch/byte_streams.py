"""One direction of a connection or pipe: what was sent happens before its receipt.

Bytes are counted, as what is sent later is not known to who has received the first part.
"""

from __future__ import annotations

# Not from collections, which takes longer to import than all of this.
from _collections import deque  # type: ignore[import-not-found]  # has no stub

from raceway.model import ops
from raceway.record import recorder

_PARTS_KEPT = 1024


class Direction:
    """What is on its way from one end to the other.

    Attributes:
        parts: How many bytes were sent before each, and its channel.
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
        """Note that something is about to leave; its bytes are added to ``sent`` when it has."""
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
