"""How often, and how long, threads have waited for locks that others had."""

from __future__ import annotations

from collections.abc import Callable

from raceway.model.findings import LockRef, LockWait

LOCKS_KEPT = 1000
"""Places where locks are made of which is known how long they were waited for."""


class LockWaits:
    """Adds up what is recorded of each wait; locks that were made in one place are one line.

    Args:
        lock: Returns what a report calls the lock with a number.

    Example:
        >>> waits = LockWaits(lambda number: LockRef(f"lock {number}"))
        >>> waits.note(1, 2_000_000)
        >>> waits.note(1, 5_000_000)
        >>> [(one.lock.name, one.count, one.total, one.longest) for one in waits.worst()]
        [('lock 1', 2, 7000000, 5000000)]
    """

    def __init__(self, lock: Callable[[int], LockRef]) -> None:
        self._lock = lock
        self._known: dict[LockRef, list[int]] = {}

    def note(self, number: int, duration: int) -> None:
        """Take note of a wait.

        Args:
            number: Of the lock.
            duration: Nanoseconds.
        """
        lock = self._lock(number)
        known = self._known.get(lock)
        if known is None:
            if len(self._known) >= LOCKS_KEPT:
                return
            known = self._known[lock] = [0, 0, 0]
        known[0] += 1
        known[1] += duration
        known[2] = max(known[2], duration)

    def worst(self) -> tuple[LockWait, ...]:
        """Return all of them, those that were waited for longest first."""
        waits = [LockWait(lock, *known) for lock, known in self._known.items()]
        return tuple(sorted(waits, key=lambda one: (-one.total, one.lock.name)))
