"""What became of the events, in numbers, and who waits for it.

Everything is done with the buffer's lock held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raceway.pipeline import native
from raceway.pipeline.stats import Stats

if TYPE_CHECKING:
    from raceway.pipeline.buffer import Buffer


class Ledger:
    """The numbers of one sender. Events are numbered as the buffer has accepted them.

    Args:
        buffer: Where they come from.

    Attributes:
        settled: Of so many it is known what became of them; the first ones.
        sent: Confirmed by the server.
        refused: Refused by it.
        unconfirmed: Sent without an answer.
        abandoned: Overtaken by the end.
        left: Left on the disk at the end.
        requests: Requests made.
        retries: Those that repeated an earlier one.
    """

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._waiters: list[tuple[int, native.Signal]] = []
        self.settled = 0
        self.sent = self.refused = self.unconfirmed = self.abandoned = self.left = 0
        self.requests = self.retries = 0

    @property
    def dropped(self) -> int:
        """Events known to be lost."""
        buffer = self._buffer
        return buffer.overflowed + buffer.late + self.refused + self.abandoned

    @property
    def lost(self) -> int:
        """Events that are, or may be, lost."""
        return self.dropped + self.unconfirmed

    @property
    def waiting(self) -> int:
        """Events that wait, or are on their way."""
        return self._buffer.accepted - self.settled + self.left

    def settle(self, *, sent: int = 0, refused: int = 0, unconfirmed: int = 0) -> None:
        """Note down what came of the next events."""
        self.settled += sent + refused + unconfirmed
        self.sent += sent
        self.refused += refused
        self.unconfirmed += unconfirmed
        self._notify()

    def end(self, *, unconfirmed: int, left: int) -> int:
        """Note down that nothing is sent any more, and return how many events are lost by that.

        Args:
            unconfirmed: Those that were on their way.
            left: Those that are on the disk.
        """
        abandoned = self._buffer.accepted - self.settled - unconfirmed - left
        self.left = left
        self.unconfirmed += unconfirmed
        self.abandoned += abandoned
        self.settled = self._buffer.accepted
        self._notify()
        return abandoned + unconfirmed

    def adopt(self, found: int) -> None:
        """Take in events of earlier processes, which are sent before those that are waited for."""
        self._buffer.accepted += found
        self._waiters = [(target + found, signal) for target, signal in self._waiters]

    def wait_for(self, target: int) -> native.Signal | None:
        """Return a signal of that so many events are settled, or None if they are."""
        if self.settled >= target:
            return None
        signal = native.Signal()
        self._waiters.append((target, signal))
        return signal

    def stats(self, spooled: int) -> Stats:
        """Return the numbers.

        Args:
            spooled: How many events are on the disk.
        """
        buffer = self._buffer
        return Stats(
            accepted=buffer.accepted,
            sent=self.sent,
            dropped=self.dropped,
            overflowed=buffer.overflowed,
            refused=self.refused,
            abandoned=buffer.late + self.abandoned,
            unconfirmed=self.unconfirmed,
            buffered=self.waiting,
            buffered_bytes=buffer.queued_bytes + buffer.in_flight_bytes,
            spooled=spooled + self.left,
            requests=self.requests,
            retries=self.retries,
        )

    def _notify(self) -> None:
        waiting = self._waiters
        self._waiters = [entry for entry in waiting if entry[0] > self.settled]
        for target, signal in waiting:
            if target <= self.settled:
                signal.set()
