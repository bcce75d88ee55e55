"""Locks whose acquire and release are tracked by a ``with`` statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raceway.pipeline import callsite

if TYPE_CHECKING:
    from types import TracebackType

    from raceway.client import RacewayClient


class tracked_lock:  # noqa: N801 - used like a function
    """Hold a lock, and track that it is held.

    Serves ``with`` and ``async with``. The acquire is tracked after the real one and the release
    before it, so that no two actors seem to hold the lock at the same time.

    Args:
        client: Records the events.
        lock: Anything with ``acquire()`` and ``release()``; with ``async with``, an asyncio lock.
        lock_id: Name of the lock, unique among the locks of the program.
        lock_type: What kind of lock it is; the name of its class if missing.

    Example:
        >>> import threading
        >>> from raceway.client import RacewayClient
        >>> with tracked_lock(RacewayClient(), threading.Lock(), "accounts"):
        ...     balance = 7
    """

    __slots__ = ("_client", "_id", "_lock", "_type")

    def __init__(
        self, client: RacewayClient, lock: Any, lock_id: str, lock_type: str | None = None
    ) -> None:
        self._client = client
        self._lock = lock
        self._id = lock_id
        self._type = lock_type or type(lock).__name__.strip("_")

    def __enter__(self) -> Any:
        """Acquire the lock and return it."""
        self._lock.acquire()
        self._acquired()
        return self._lock

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the lock; an exception of the block passes through."""
        self._release()

    async def __aenter__(self) -> Any:
        """Acquire the lock and return it."""
        await self._lock.acquire()
        self._acquired()
        return self._lock

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the lock; an exception of the block passes through."""
        self._release()

    def _acquired(self) -> None:
        try:
            self._client.track_lock_acquire(self._id, self._type, callsite.find().location)
        except BaseException:  # a signal handler of the application raised in the middle
            self._lock.release()
            raise

    def _release(self) -> None:
        try:
            self._client.track_lock_release(self._id, callsite.find().location, self._type)
        finally:
            self._lock.release()
