"""Between the buffer and the disk: what finds no room in memory while the server is away.

What is on the disk is older than all that is in the buffer, and sent before it. Everything here is
done by the thread that sends, but for the end, which may overtake it: hence the lock.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from raceway.pipeline import native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from raceway.pipeline.buffer import Buffer
    from raceway.pipeline.spool import Spool

_SPILLED_AT_ONCE = 5000  # events


class Spooling:
    """The spool of a sender.

    Args:
        spool: Where events wait on the disk, or None: then nothing ever does.
        buffer: Where they come from.
        encoded: Makes JSON of what is in the buffer; of what cannot be sent, nothing.
        batch_size: Most events in one request.

    Attributes:
        lock: Held while the disk is in use.
        problem: Why something could not be written or read; forgotten when it has been told.
    """

    def __init__(
        self,
        spool: Spool | None,
        buffer: Buffer,
        encoded: Callable[[Iterable[Any]], Iterator[bytes]],
        batch_size: int,
    ) -> None:
        self._spool = spool
        self._buffer = buffer
        self._encoded = encoded
        self._batch_size = batch_size
        self.begin()

    def begin(self) -> None:
        """Begin anew: in the constructor and in the child of a process fork."""
        self.lock = native.allocate_lock()
        self.problem = ""
        self._read: deque[bytes] = deque()  # from the disk, and not in hand yet

    def forget(self) -> None:
        """Leave what is on the disk to the parent of a process fork."""
        if self._spool is not None:
            self._spool.forget()

    @property
    def exists(self) -> bool:
        """Whether there is a disk."""
        return self._spool is not None

    def __len__(self) -> int:
        """Return how many events are on the disk, or were read and are not in hand yet."""
        return 0 if self._spool is None else self._spool.count + len(self._read)

    def adopt(self) -> int:
        """Take over what earlier processes have left, and return how many events that are."""
        if self._spool is None:
            return 0
        with self.lock:
            return self._spool.adopt()

    def spill(self, is_current: Callable[[], bool]) -> int:
        """Make room in the buffer, if it fills and there is a disk.

        Args:
            is_current: Whether the thread that calls is still the one that sends.

        Returns:
            How many events cannot be sent at all.
        """
        spool, buffer = self._spool, self._buffer
        if spool is None or buffer.queued_bytes < buffer.spill_at:
            return 0
        queue = buffer.queue
        with self.lock:
            records: list[tuple[float, int, Any]] = []
            # Without the buffer's lock, as in Buffer.cut().
            while queue and len(records) < _SPILLED_AT_ONCE:
                records.append(queue.popleft())
            events = list(self._encoded(record for _, _, record in records))
            sendable = [event for event in events if event]
            written = spool.write(sendable)
            kept = [
                (at, len(event), event)
                for (at, _, _), event in zip(records, events, strict=True)
                if event
            ]
            del kept[:written]
            with buffer.lock:
                if is_current():
                    queue.extendleft(reversed(kept))
                    before = sum(counts for _, counts, _ in records)
                    buffer.queued_bytes += sum(counts for _, counts, _ in kept) - before
                if kept:
                    buffer.may_spill(False)  # until something has been taken off the disk
                    self.problem = spool.problem
        return len(events) - len(sendable)

    def read_back(self) -> tuple[list[bytes], int, int]:
        """Return a batch of what is on the disk, its size, and how many events were lost there."""
        batch: list[bytes] = []
        size = lost = 0
        if self._spool is None:
            return batch, size, lost
        with self.lock:
            if not self._read:
                self._read.extend(self._spool.read())
                self._buffer.may_spill(True)
                lost, self._spool.missing = self._spool.missing, 0
                if lost:
                    self.problem = self._spool.problem or "a part of the spool is damaged"
            while self._read and len(batch) < self._batch_size:
                if batch and size + len(self._read[0]) > self._buffer.batch_bytes:
                    break
                batch.append(self._read.popleft())
                size += len(batch[-1])
        return batch, size, lost

    def take_read(self) -> list[bytes]:
        """Return what was read and is not in hand yet: it has to be written again, or is lost."""
        read = list(self._read)
        self._read.clear()
        return read

    def keep(self, older: list[bytes], newer: list[bytes]) -> int:
        """Leave events to the next process, and return how many there are then.

        Args:
            older: Those that come before what is on the disk.
            newer: Those that come after it.
        """
        spool = self._spool
        if spool is None:
            return 0
        if older:
            spool.write(older, oldest=True)
        spool.write(newer)
        self.problem = spool.problem or self.problem
        kept = spool.count
        spool.close()
        return kept

    def copy(self, older: list[bytes], newer: list[bytes]) -> frozenset[str]:
        """Write events down that stay in memory, too; with the lock.

        Args:
            older: Those that come before what is on the disk.
            newer: Those that come after it.

        Returns:
            What was there before, for :meth:`forget_copy`.
        """
        spool = self._spool
        if spool is None:
            return frozenset()
        before = spool.segments()
        read = list(self._read)
        if older or read:
            spool.write(older + read, oldest=True)
        spool.write(newer)
        self.problem = spool.problem or self.problem
        return before

    def forget_copy(self, before: frozenset[str]) -> None:
        """Remove what :meth:`copy` has written; with the lock."""
        if self._spool is not None:
            self._spool.reduce_to(before)

    def close(self) -> None:
        """Let other processes have what is there."""
        if self._spool is not None:
            self._spool.close()
