"""Where events wait for the thread that sends: bounded, and never waited for.

Whoever tracks calls :meth:`Buffer.put`, and nothing else of the delivery. It takes one lock, which
is held for a few steps by whoever has it, never while something is written or sent.

Assumptions about CPython: ``_thread.RLock`` is acquired and released in one step, so that a
finaliser or a signal handler may track an event at any point of ``put``.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from raceway.pipeline import native, sigterm

if TYPE_CHECKING:
    from collections.abc import Callable

RESERVE = 1 / 32
"""Part of the buffer that is kept free for what must not get lost."""

_monotonic = time.monotonic


class Buffer:
    """What was tracked, from the call until it is cut off for sending.

    Args:
        limit: Most that it holds, in bytes.
        batch_size: Most events in one request.
        batch_bytes: Size at which a request is cut, in bytes.
        spills: Whether what finds no room can go to the disk.
        start: Starts the thread that empties it, if it is not :attr:`attended`.
        stirred: Called when there is something for a thread that is asleep.

    Attributes:
        lock: Guards everything here, and the ledger.
        wake: What the thread waits for.
        attended: Whether a thread empties it.
        asleep: Whether that looks at it only if it is woken.
        closed: Whether nothing is taken any more.
        queue: When, how large, what; oldest first.
        queued_bytes: What is in the queue.
        in_flight_bytes: What has been cut off and is not settled.
        batch_bytes: As above; a server may have taught us less.
        spill_at: Size from which on the thread is to write to the disk.
        accepted: Events taken so far.
        overflowed: Events that found no room.
        late: Events that came after the end.
    """

    __slots__ = (
        "_batch_bytes",
        "_batch_size",
        "_limit",
        "_open_limit",
        "_spills",
        "accepted",
        "asleep",
        "attended",
        "batch_bytes",
        "closed",
        "in_flight_bytes",
        "late",
        "lock",
        "overflowed",
        "queue",
        "queued_bytes",
        "spill_at",
        "start",
        "stirred",
        "wake",
    )

    def __init__(
        self,
        limit: int,
        *,
        batch_size: int,
        batch_bytes: int,
        spills: bool,
        start: Callable[[], object],
        stirred: Callable[[], object],
    ) -> None:
        self.start = start
        self.stirred = stirred
        self._limit = limit
        self._open_limit = limit - int(limit * RESERVE)
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._spills = spills
        self.closed = False
        self.begin()

    def begin(self) -> None:
        """Begin anew, empty: in the constructor and in the child of a process fork."""
        self.lock = native.ReentrantLock()
        self.wake = sigterm.wake()
        self.attended = self.asleep = False
        self.queue: deque[tuple[float, int, Any]] = deque()
        self.queued_bytes = self.in_flight_bytes = 0
        self.batch_bytes = self._batch_bytes
        self.accepted = self.overflowed = self.late = 0
        self.may_spill(True)

    def may_spill(self, yes: bool) -> None:
        """Say whether the disk, if there is one, takes anything."""
        self.spill_at = self._limit // 2 if yes and self._spills else sys.maxsize

    def put(self, event: Any, size: int, essential: bool = False) -> bool:
        """Take one event. Never waits for the network.

        Args:
            event: What the sender's ``encode`` makes JSON of.
            size: What it counts here, in bytes.
            essential: Whether it may use the reserve.

        Returns:
            False if it was dropped, for lack of room or because the end has come.
        """
        with self.lock:
            before = self.queued_bytes
            after = before + size
            limit = self._limit if essential else self._open_limit
            if after + self.in_flight_bytes > limit or self.closed:
                if self.closed:
                    self.late += 1
                else:
                    self.overflowed += 1
                return False
            waiting = len(self.queue)
            self.queue.append((_monotonic(), size, event))
            self.queued_bytes = after
            self.accepted += 1
            if not self.attended:
                self.start()
            first = self.asleep and not waiting
            # Once each time a threshold is crossed: the thread looks at everything when it wakes.
            full = (
                waiting + 1 == self._batch_size
                or before < self.batch_bytes <= after
                or before < self.spill_at <= after
            )
            if not (full or first):
                return True  # waking a thread takes longer than all the rest
            if first:
                self.stirred()
        self.wake.set()
        return True

    def is_full(self) -> bool:
        """Return whether there is a whole batch."""
        return len(self.queue) >= self._batch_size or self.queued_bytes >= self.batch_bytes

    def cut(self) -> tuple[list[Any], int]:
        """Take a batch off, and return it with its size; to be noted down with :meth:`moved`.

        Without the lock, which threads of the application would wait for: nobody else takes from
        the queue but who empties it at the end.
        """
        batch: list[Any] = []
        size = 0
        queue = self.queue
        try:
            while len(batch) < self._batch_size:
                _, counts, event = queue[0]
                if batch and size + counts > self.batch_bytes:
                    break
                queue.popleft()
                batch.append(event)
                size += counts
        except IndexError:  # it is empty
            pass
        return batch, size

    def moved(self, size: int) -> None:
        """Take note, with the lock, that so many bytes are on their way now."""
        self.queued_bytes -= size
        self.in_flight_bytes = size

    def drain(self) -> list[Any]:
        """Take everything off, with the lock."""
        left = [event for _, _, event in self.queue]
        self.queue.clear()
        return left
