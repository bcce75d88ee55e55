"""The way of a batch into the store: a bounded queue and one thread that writes.

Whoever posts a batch waits until it is committed.  What comes meanwhile is written together: the
busier the server, the larger its transactions.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raceway.server.batches import IDS_KEPT, Ids, ingest
from raceway.server.event_store import EventWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.server.batches import Ingested
    from raceway.server.options import ServerOptions

_log = logging.getLogger("raceway.server")

SEGMENT: Final = 5_000
"""Events that are written at once, about."""
_QUEUE_BYTES: Final = 256 * 1024 * 1024
_UPKEEP_EVERY: Final = 30.0  # seconds
_LOG_EVERY: Final = 60.0  # seconds


class Full(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The queue is full: the batch may come again later."""


class Failed(Exception):  # noqa: N818 - as above
    """The batch could not be stored; the message says why."""


class Intake:
    """Takes batches and stores them.

    Args:
        options: Limits, and where to store.
        analysed: Returns the position up to which the analysis has read.
        stored: Called with the number of events after each commit, in the thread that writes.

    Attributes:
        waiting: Events that wait to be stored.
        problem: Why nothing can be stored at present; empty if it can.
        last_event: When a batch was stored last, or 0.
    """

    def __init__(
        self,
        options: ServerOptions,
        analysed: Callable[[], int] = lambda: 0,
        stored: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._options = options
        self._analysed = analysed
        self._stored = stored
        self._ids = Ids()
        self._queue: deque[tuple[Ingested, asyncio.Future[None]]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._logged = 0.0
        self.waiting = 0
        self._waiting_bytes = 0
        self.problem = ""
        self.last_event = 0.0

    def start(self) -> None:
        """Open the store and begin."""
        writer = EventWriter(Path(self._options.data), durable=self._options.durable)
        for joined in writer.recent_ids(IDS_KEPT):
            self._ids.remember(joined)
        self._thread = threading.Thread(
            target=self._run, args=(writer,), name="raceway-store", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Store what waits, and end."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    async def take(self, body: bytes) -> Ingested:
        """Check a batch and store what is good of it; done when it is committed.

        Raises:
            Unreadable: It is no batch.
            Full: There is no room at present.
            Failed: It could not be stored.
        """
        if self.waiting >= self._options.queue_events or self._waiting_bytes >= _QUEUE_BYTES:
            raise Full
        taken = ingest(body, self._ids)
        if not taken.raws:
            return taken
        done = asyncio.get_running_loop().create_future()
        with self._wake:
            if self._closing:
                self._ids.forget(taken.ids)
                raise Full
            self.waiting += len(taken.raws)
            self._waiting_bytes += taken.size
            self._queue.append((taken, done))
            self._wake.notify()
        # Whoever hangs up does not keep it from being stored.
        await asyncio.shield(done)
        return taken

    # ------------------------------------------------------------ the thread that writes

    def _run(self, writer: EventWriter) -> None:
        upkeep = time.monotonic() + 1.0
        while True:
            with self._wake:
                if not self._queue and not self._closing:
                    self._wake.wait(max(0.05, upkeep - time.monotonic()))
                chosen = self._next()
                if not chosen and self._closing:
                    break
            if chosen:
                self._write(writer, chosen)
            if time.monotonic() >= upkeep:
                busy = self._keep_up(writer) and not self._queue
                upkeep = time.monotonic() + (0.2 if busy else _UPKEEP_EVERY)
        writer.close()

    def _next(self) -> list[tuple[Ingested, asyncio.Future[None]]]:
        chosen = []
        events = 0
        while self._queue and events < SEGMENT:
            entry = self._queue.popleft()
            events += len(entry[0].raws)
            chosen.append(entry)
        return chosen

    def _write(
        self, writer: EventWriter, chosen: list[tuple[Ingested, asyncio.Future[None]]]
    ) -> None:
        failure: Exception | None = None
        batches = [batch for batch, _ in chosen]
        try:
            writer.write(batches)
        except (sqlite3.Error, OSError, MemoryError) as error:
            failure = Failed(str(error))
            self._complain(f"events cannot be stored: {error}")
        except Exception as error:  # of ours: it must not end the thread
            if len(chosen) > 1:
                for entry in chosen:  # the others are not to suffer from one
                    self._write(writer, [entry])
                return
            failure = Failed(f"internal error: {error}")
            _log.exception("a batch could not be stored")
        events = sum(len(batch.raws) for batch in batches)
        with self._wake:
            self.waiting -= events
            self._waiting_bytes -= sum(batch.size for batch in batches)
        if failure is None:
            self.problem = ""
            self.last_event = time.time()
            self._stored(events)
        for batch, done in chosen:
            loop = done.get_loop()
            try:
                loop.call_soon_threadsafe(self._settle, batch, done, failure)
            except RuntimeError:  # the loop is closed: nobody waits any more
                continue

    def _settle(
        self, batch: Ingested, done: asyncio.Future[None], failure: Exception | None
    ) -> None:
        if failure is not None:
            self._ids.forget(batch.ids)  # it may come again
        if done.cancelled():
            return
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)

    def _keep_up(self, writer: EventWriter) -> bool:
        """Delete what is too old, make large segments of small ones; tell whether there is more."""
        options = self._options
        try:
            writer.retain(max_age=options.max_age, max_bytes=options.max_bytes)
            return writer.merge_small(self._analysed())
        except (sqlite3.Error, OSError) as error:
            self._complain(f"the store cannot be kept small: {error}")
            return False

    def _complain(self, problem: str) -> None:
        self.problem = problem
        now = time.monotonic()
        if not self._logged or now - self._logged > _LOG_EVERY:
            self._logged = now
            _log.error("%s; what is stored can still be read", problem)
