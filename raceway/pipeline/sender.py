"""Delivery: one thread per process that sends batches in order, one request at a time.

A Raceway server links an event to its parent only if the parent is there already; so there is one
sender, it sends in the order of capture, and nothing overtakes a batch that is being retried.

Guarantees:

* :meth:`Sender.put` never waits for the network and never raises; what does not fit into the buffer
  is counted and dropped (the newest: the oldest are the parents of all others). Only what must not
  get lost, such as the release of a lock, still finds room in a reserve.
* A batch is sent again only if it certainly was not accepted (see ``transport``).
* One event that the server refuses does not take its batch with it.
* ``flush`` and ``close`` are bounded in time, whatever the server does.
* After a process fork the child starts with an empty buffer, a new thread and a new connection.
  What the parent had not sent yet is sent by the parent.

The thread is started with the first event, on primitives that nobody has patched (``native``), and
not through ``threading``: neither gevent nor our own instrumentation shall see it.

Assumptions about CPython: ``_thread.RLock`` is acquired and released in one step, so that a
finaliser or a signal handler may track an event at any point of ``put``.
"""

from __future__ import annotations

import atexit
import os
import re
import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from raceway.pipeline import native
from raceway.pipeline import transport as transport_module
from raceway.pipeline.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.pipeline.transport import Answer, Transport

MAX_EVENT_BYTES = 2_000_000  # a server refuses bodies above 2 MiB
RESERVE = 1 / 32
"""Part of the buffer that is kept free for what must not get lost."""

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0  # seconds of backoff
_GRACE = 2.0  # seconds that a server which does not answer may hold up the end of the process
_WARN_EVERY = 60.0  # seconds
_SERVER_ERRORS = 6  # attempts before a batch that always gets a 5xx is given up
_UNAVAILABLE = frozenset({408, 425, 429, 502, 503, 504})
_INDEX = re.compile(r"events\[(\d{1,9})\]")
_PARTIAL = re.compile(r"Ingested (\d{1,9}) events?, (\d{1,9}) errors?")

_monotonic = time.monotonic
_io: Any = native.Local()
_senders: WeakSet[Sender] = WeakSet()


def is_internal() -> bool:
    """Return whether this thread is doing raceway's own input and output.

    Instrumentation of HTTP clients, sockets and locks has to leave such a thread alone.

    Example:
        >>> is_internal()
        False
    """
    return bool(getattr(_io, "active", False))


@dataclass(frozen=True)
class Stats:
    """Delivery in numbers, since the start of this process.

    Attributes:
        accepted: Events taken into the buffer.
        sent: Events that the server has confirmed.
        dropped: Events known to be lost: the sum of the next three.
        overflowed: Dropped because the buffer was full.
        refused: Dropped because the server refused them.
        abandoned: Dropped because the end came first.
        unconfirmed: Events sent without getting an answer; the server may have them.
        buffered: Events that wait or are on their way.
        buffered_bytes: Their size in bytes.
        requests: Requests made.
        retries: Requests that repeated an earlier one.
    """

    accepted: int
    sent: int
    dropped: int
    overflowed: int
    refused: int
    abandoned: int
    unconfirmed: int
    buffered: int
    buffered_bytes: int
    requests: int
    retries: int


class Sender:
    """The buffer, and the thread that empties it.

    Args:
        transport: Where the batches go.
        batch_size: Most events in one request.
        batch_bytes: Size at which a request is cut, in bytes.
        flush_interval: Longest time that an event waits for others, in seconds.
        buffer_bytes: Most that the buffer holds, in bytes.
        rate: Sustained limit in events per second, or None.
        exit_timeout: Longest time that the end of the process waits for delivery, in seconds.
        encode: Makes JSON of what is put, in the thread that sends; by default it is JSON already.
        at_exit: Whether the end of the process closes it; if not, its owner does.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        batch_size: int,
        batch_bytes: int,
        flush_interval: float,
        buffer_bytes: int,
        rate: float | None,
        exit_timeout: float,
        encode: Callable[[Any], bytes] = bytes,
        at_exit: bool = True,
    ) -> None:
        self.at_exit = at_exit
        self._encode = encode
        self._transport = transport
        self._batch_size = batch_size
        self._configured_batch_bytes = batch_bytes
        self._flush_interval = flush_interval
        self._buffer_bytes = buffer_bytes
        self._open_bytes = buffer_bytes - int(buffer_bytes * RESERVE)
        self._rate = rate
        self._exit_timeout = exit_timeout
        self._generation = 0
        self._closed = False
        self._reset()
        _senders.add(self)

    def _reset(self) -> None:
        """Begin anew: in the constructor and in the child of a process fork."""
        self._generation += 1  # a thread of an earlier generation has nothing to say any more
        self._lock = native.ReentrantLock()
        self._wake = native.Signal()
        self._waiters: list[tuple[int, native.Signal]] = []
        self._exited = native.Signal()
        self._running = False
        self._queue: deque[tuple[float, int, Any]] = deque()
        self._queued_bytes = 0
        self._in_flight_bytes = 0
        self._batch_bytes = self._configured_batch_bytes
        self._accepted = self._settled = 0
        self._sent = self._unconfirmed = self._requests = self._retries = 0
        self._dropped = self._overflowed = self._refused = 0
        self._urgent = 0  # events up to this number are to be sent without waiting for others
        self._hurry = False  # a flush wants the next attempt now
        self._give_up_at: float | None = None
        self._failing = False
        self._problem = ""  # what the next warning says
        self._outage = ""  # the same, but over when the server accepts a batch
        self._given_up = False
        self._reported_loss = 0
        self._warned_at: float | None = None
        self._pacer = Pacer(self._rate, time.monotonic())

    # --- what the application's threads call -------------------------------------------------

    def put(self, event: Any, size: int, essential: bool = False) -> bool:
        """Take one event. Never waits for the network.

        Args:
            event: What ``encode`` makes JSON of.
            size: What it counts in the buffer, in bytes.
            essential: Whether it may use the reserve.

        Returns:
            False if it was dropped, for lack of room or because the sender is closed.
        """
        with self._lock:
            before = self._queued_bytes
            after = before + size
            limit = self._buffer_bytes if essential else self._open_bytes
            if after + self._in_flight_bytes > limit or self._closed:
                self._dropped += 1
                self._overflowed += not self._closed
                return False
            waiting = len(self._queue)
            self._queue.append((_monotonic(), size, event))
            self._queued_bytes = after
            self._accepted += 1
            if not self._running:
                self._start()
            # Once each time a threshold is crossed: the thread looks at everything when it wakes.
            full = waiting + 1 == self._batch_size or before < self._batch_bytes <= after
            if waiting and not full:
                return True
        self._wake.set()
        return True

    def nudge(self) -> None:
        """Send what is there without waiting for more, and do not wait for it."""
        with self._lock:
            self._urgent = self._accepted
        self._wake.set()

    def flush(self, timeout: float) -> bool:
        """Send what is there and wait for it.

        Args:
            timeout: Longest time to wait, in seconds.

        Returns:
            True if every event accepted before the call has been confirmed or had been settled
            before, False if time ran out or events were lost meanwhile.
        """
        if is_internal():  # the thread would wait for itself
            return False
        with self._lock:
            target, lost = self._accepted, self._dropped + self._unconfirmed
            if self._settled >= target:
                return True
            if not self._running and not self._start():
                return False
            self._urgent = max(self._urgent, target)
            self._hurry = True
        self._wake.set()
        done = self._wait(target, timeout)
        return done and self._dropped + self._unconfirmed == lost

    def close(self, timeout: float, *, patient: bool = True) -> bool:
        """Send what is there, stop the thread and take no more events. Safe to repeat.

        A server that does not answer holds it up for two seconds, not for the whole time.

        Args:
            timeout: Longest time to wait, in seconds.
            patient: Whether to give a server that is merely slow the whole time.

        Returns:
            True if nothing was lost by closing.
        """
        begun = time.monotonic()
        with self._lock:
            again, self._closed = self._closed, True
            target, settled, lost = self._accepted, self._settled, self._dropped
            if not again:
                self._give_up_at = begun + timeout
            threadless = not self._running and bool(self._queue) and not self._start()
        self._wake.set()
        if threadless:
            # No thread can be started (the interpreter ends, or a limit of the system).
            self._loop(self._generation)
        grace = min(timeout, _GRACE)
        if not is_internal() and not self._wait(target, grace):
            progress = self._settled > settled
            if (progress or patient) and not self._failing:
                self._wait(target, max(0.0, timeout - grace))
        self._abandon()
        if self._running and not is_internal():
            self._exited.wait_cooperatively(0.2)  # idle, it ends at once
        if not again:
            self._report(final=True)
        return not self._given_up and self._dropped == lost

    def close_at_exit(self) -> None:
        """Close within two seconds if the server does not answer."""
        self.close(self._exit_timeout, patient=False)

    def stats(self) -> Stats:
        """Return the numbers as they are now."""
        with self._lock:
            return Stats(
                accepted=self._accepted,
                sent=self._sent,
                dropped=self._dropped,
                overflowed=self._overflowed,
                refused=self._refused,
                abandoned=self._dropped - self._overflowed - self._refused,
                unconfirmed=self._unconfirmed,
                buffered=self._accepted - self._settled,
                buffered_bytes=self._queued_bytes + self._in_flight_bytes,
                requests=self._requests,
                retries=self._retries,
            )

    def after_fork(self) -> None:
        """Start over in the child: the buffer, thread and connection belong to the parent."""
        self._transport.forget()
        self._reset()

    def _wait(self, target: int, timeout: float) -> bool:
        signal = native.Signal()
        with self._lock:
            if self._settled >= target:
                return True
            self._waiters.append((target, signal))
        if timeout <= 0:
            return False
        return signal.wait_cooperatively(timeout)

    def _abandon(self) -> None:
        """Count as lost what is still there, and disown a thread that is stuck in a request."""
        with self._lock:
            left = self._accepted - self._settled
            if left <= 0:
                return
            self._generation += 1
            self._running = False
            self._given_up = True
            self._dropped += left
            self._settled = self._accepted
            self._queue.clear()
            self._queued_bytes = self._in_flight_bytes = 0
            self._notify()

    def _notify(self) -> None:
        waiting = self._waiters
        self._waiters = [entry for entry in waiting if entry[0] > self._settled]
        for target, signal in waiting:
            if target <= self._settled:
                signal.set()

    # --- the thread --------------------------------------------------------------------------

    def _start(self) -> bool:
        try:
            native.start_new_thread(self._loop, (self._generation,))
        except RuntimeError:  # no more threads; the events wait for the next attempt
            return False
        self._running = True
        if self.at_exit:
            register_at_exit()
        return True

    def _loop(self, generation: int) -> None:
        _io.active = True
        try:
            while True:
                batch = self._take(generation)
                if batch is None:
                    return
                try:
                    self._deliver(batch, generation)
                except Exception as error:  # a bug of ours; the next batch may fare better
                    self._problem = f"internal error: {type(error).__name__}: {error}"
                    self._settle_rest(generation)
                self._report()
        finally:
            _io.active = False
            with self._lock:
                if generation == self._generation:
                    self._running = False
            self._transport.close()
            self._exited.set()

    def _take(self, generation: int) -> list[Any] | None:
        """Wait until a batch is due and cut it off the queue; None when it is time to end."""
        while True:
            with self._lock:
                if generation != self._generation:
                    return None
                closing = self._give_up_at is not None
                wait = -1.0
                if self._queue:
                    due = (
                        closing
                        or len(self._queue) >= self._batch_size
                        or self._queued_bytes >= self._batch_bytes
                        or self._urgent > self._settled
                    )
                    wait = self._queue[0][0] + self._flush_interval - time.monotonic()
                    if due or wait <= 0:
                        break
                elif closing:
                    return None
            if self._dropped > self._reported_loss:
                self._report()
            self._wake.wait(wait)
        return self._cut(generation)

    def _cut(self, generation: int) -> list[Any] | None:
        batch: list[Any] = []
        size = 0
        queue = self._queue
        # Without the lock, which threads of the application would wait for: nobody else takes
        # from the queue, but for _abandon().
        try:
            while len(batch) < self._batch_size:
                _, counts, event = queue[0]
                if batch and size + counts > self._batch_bytes:
                    break
                queue.popleft()
                batch.append(event)
                size += counts
        except IndexError:  # it is empty
            pass
        with self._lock:
            if generation != self._generation:
                return None
            self._queued_bytes -= size
            self._in_flight_bytes = size
        return batch

    def _deliver(self, batch: list[Any], generation: int) -> None:
        parts = deque(self._written(batch, generation))
        while parts and generation == self._generation:
            part = parts.popleft()
            self._pace(len(part))
            parts.extendleft(reversed(self._attempts(part, generation)))

    def _written(self, batch: list[Any], generation: int) -> list[list[bytes]]:
        """Return the batch as JSON, cut where it is larger than the records seemed to be."""
        parts: list[list[bytes]] = [[]]
        size = 0
        for record in batch:
            try:
                event = self._encode(record)
            except Exception as error:  # a bug of ours; the other events may fare better
                self._problem = f"internal error: {type(error).__name__}: {error}"
                event = b""
            if not event or len(event) > MAX_EVENT_BYTES:
                self._settle(1, generation, refused=1)
                continue
            if parts[-1] and size + len(event) > self._batch_bytes:
                parts.append([])
                size = 0
            parts[-1].append(event)
            size += len(event)
        return [part for part in parts if part]

    def _attempts(self, part: list[bytes], generation: int) -> list[list[bytes]]:
        """Send ``part`` until its fate is known; return the pieces that are still to be sent."""
        attempt = 0
        while generation == self._generation:
            if self._out_of_time():
                self._abandon()
                break
            answer = self._post(part, again=attempt > 0)
            attempt += 1
            status = answer.status
            self._failing = status == 0 or status >= 500 or status == 429
            if status in (206, 429):
                self._pacer.overrun()
            if 200 <= status < 300:
                self._confirmed(part, answer, generation)
                break
            if status in (400, 422) or (status == 413 and len(part) > 1):
                return self._divide(part, answer, generation)
            if status == 0 and answer.may_have_arrived:
                self._problem = f"no answer ({answer.error}); the batch is not sent twice"
                self._settle(len(part), generation, unconfirmed=len(part))
                self._pause(_FIRST_DELAY * 5)
                break
            if status == 0:
                self._outage = f"not reachable ({answer.error}); events are kept and sent later"
            elif status in _UNAVAILABLE or (status >= 500 and attempt < _SERVER_ERRORS):
                self._outage = f"answers {status}; events are kept and sent later"
            else:
                self._problem = f"refuses events with {status}: {answer.text[:200]!r}"
                self._settle(len(part), generation, refused=len(part))
                break
            self._report()
            if answer.retry_after is not None:
                self._pause(answer.retry_after, asked=True)
            else:
                delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(attempt - 1, 10))
                # Half of it at random, so that a fleet does not come back in step. (os.urandom
                # because the random module is slow to import.)
                self._pause(delay * (0.5 + os.urandom(1)[0] / 512))
        return []

    def _post(self, part: list[bytes], *, again: bool) -> Answer:
        with self._lock:
            self._requests += 1
            self._retries += again
        return self._transport.post(b'{"events":[' + b",".join(part) + b"]}")

    def _confirmed(self, part: list[bytes], answer: Answer, generation: int) -> None:
        self._outage = ""
        if answer.status != 206:
            self._pacer.accepted(len(part))
            self._settle(len(part), generation, sent=len(part))
            return
        found = _PARTIAL.search(answer.text)
        if found:
            refused = min(int(found[2]), len(part))
            self._problem = f"its queue is full: it took {len(part) - refused} of {len(part)}"
            self._settle(len(part), generation, sent=len(part) - refused, refused=refused)
        else:
            self._problem = f"it took only a part: {answer.text[:200]!r}"
            self._settle(len(part), generation, unconfirmed=len(part))
        self._pause(_FIRST_DELAY * 5)  # a default server empties its queue every 0.1 s

    def _divide(self, part: list[bytes], answer: Answer, generation: int) -> list[list[bytes]]:
        """Take out the event that the server names; where it names none, try both halves."""
        if answer.status == 413:
            # The next batch shall not run into the same limit.
            size = sum(map(len, part))
            self._batch_bytes = max(1024, min(self._batch_bytes, size // 2))
        else:
            self._problem = f"refuses an event with {answer.status}: {answer.text[:200]!r}"
            found = _INDEX.search(answer.text)
            bad = int(found[1]) if found else len(part)
            if len(part) == 1:
                bad = 0
            if bad < len(part):
                self._settle(1, generation, refused=1)
                rest = part[:bad] + part[bad + 1 :]
                return [rest] if rest else []
        middle = len(part) // 2
        return [part[:middle], part[middle:]]

    def _settle(
        self, count: int, generation: int, *, sent: int = 0, refused: int = 0, unconfirmed: int = 0
    ) -> None:
        with self._lock:
            if generation != self._generation:
                return  # counted as lost already, by close()
            self._settled += count
            self._sent += sent
            self._dropped += refused
            self._refused += refused
            self._unconfirmed += unconfirmed
            if self._accepted - self._settled == len(self._queue):
                self._in_flight_bytes = 0
            self._notify()

    def _settle_rest(self, generation: int) -> None:
        """Count as lost what is left of the batch in hand."""
        with self._lock:
            left = self._accepted - self._settled - len(self._queue)
            self._settle(left, generation, refused=left)

    def _pace(self, count: int) -> None:
        """Wait until the server can be expected to have room for ``count`` events."""
        while self._give_up_at is None:
            seconds = self._pacer.delay(count, time.monotonic())
            if not seconds:
                return
            self._pause(seconds, asked=True)

    def _out_of_time(self) -> bool:
        return self._give_up_at is not None and time.monotonic() >= self._give_up_at

    def _pause(self, seconds: float, *, asked: bool = False) -> None:
        """Wait before the next attempt; a flush cuts it short unless the server asked for it."""
        self._hurry = False
        end = time.monotonic() + seconds
        while True:
            if self._give_up_at is not None:
                end = min(end, self._give_up_at)
                if not asked:
                    end = min(end, time.monotonic() + _FIRST_DELAY)
            remaining = end - time.monotonic()
            if remaining <= 0 or (self._hurry and not asked):
                return
            if not self._wake.wait(remaining):
                return

    # --- warnings ----------------------------------------------------------------------------

    def _report(self, *, final: bool = False) -> None:
        """Log what went wrong, at most once a minute and once at the end."""
        loss = self._dropped + self._unconfirmed
        new_loss = loss - self._reported_loss
        problem = self._problem or self._outage
        if not new_loss and (final or not problem):
            return
        now = time.monotonic()
        if not final and self._warned_at is not None and now - self._warned_at < _WARN_EVERY:
            return
        problem, self._problem = problem or "events were dropped", ""
        self._warned_at, self._reported_loss = now, loss
        try:
            with transport_module.importing:
                import logging  # late: programs that deliver without trouble need not pay for it

            logging.getLogger("raceway").warning(
                "raceway server: %s (events waiting: %d, lost so far: %d)",
                problem,
                self._accepted - self._settled,
                loss,
            )
        except Exception:  # noqa: S110 - a handler of the application; there is nobody to tell
            pass


_at_exit_pids: set[int] = set()


def register_at_exit() -> None:
    """Deliver what is left when this process ends; once per process, with the first event."""
    pid = os.getpid()
    if pid in _at_exit_pids:
        return
    inherited = bool(_at_exit_pids)
    _at_exit_pids.add(pid)
    if not inherited:
        atexit.register(close_all)
    # A multiprocessing child ends with os._exit(), which runs no atexit handlers.
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, close_all, exitpriority=0)


def close_all() -> None:
    """Deliver what every client of this process has tracked: it ends now."""
    for sender in list(_senders):
        try:
            if sender.at_exit:
                sender.close_at_exit()
        except Exception:  # noqa: S110 - the process ends, and so it shall
            pass


def flush_all() -> None:
    """Deliver what every client of this process has tracked: it may end now."""
    for sender in list(_senders):
        try:
            sender.flush(_GRACE)
        except Exception:  # noqa: S110 - as above
            pass


_importing_held = False


def _before_fork() -> None:
    global _importing_held  # noqa: PLW0603 - handed from one fork hook to the next
    # Bounded, because a program must be able to fork whatever an import is waiting for.
    _importing_held = transport_module.importing.acquire(timeout=2.0)
    for sender in list(_senders):
        sender.nudge()  # events of the parent should be at the server before the child's


def _after_fork_in_parent() -> None:
    global _importing_held  # noqa: PLW0603 - as above
    if _importing_held:
        _importing_held = False
        transport_module.importing.release()


def _after_fork_in_child() -> None:
    transport_module.importing = native.allocate_lock()
    for sender in list(_senders):
        sender.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
