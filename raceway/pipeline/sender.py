"""Delivery: one thread per process that sends batches in order, one request at a time.

A Raceway server links an event to its parent only if the parent is there already; so there is one
sender, it sends in the order of capture, and nothing overtakes a batch that is being retried.

Guarantees:

* :meth:`Sender.put` never waits for the network and never raises; what does not fit into the buffer
  is counted and dropped (the newest: the oldest are the parents of all others). Only what must not
  get lost, such as the release of a lock, still finds room in a reserve.
* A batch is sent again only if it certainly was not accepted (see ``outcomes``).
* One event that the server refuses does not take its batch with it, nor those under it.
* With a spool, what finds no room in memory while the server is away goes to the disk, and so does
  what the end overtakes. It is written by the thread that sends, never by who tracks.
* ``flush`` and ``close`` are bounded in time, whatever the server does.
* After a process fork the child starts with an empty buffer, a new thread and a new connection.
  What the parent had not sent yet is sent by the parent.

The thread is started with the first event, on primitives that nobody has patched (``native``), and
not through ``threading``: neither gevent nor our own instrumentation shall see it.

Assumptions about CPython: ``_thread.RLock`` is acquired and released in one step, so that a
finaliser or a signal handler may track an event at any point of ``put``.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from raceway.pipeline import ends, native, outcomes, processes, sigterm
from raceway.pipeline.orphans import Orphans
from raceway.pipeline.pacing import Pacer
from raceway.pipeline.stats import Stats
from raceway.pipeline.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from raceway.pipeline.outcomes import Outcome
    from raceway.pipeline.spool import Spool
    from raceway.pipeline.transport import Answer, Transport

MAX_EVENT_BYTES = 2_000_000  # a server refuses bodies above 2 MiB
RESERVE = 1 / 32
"""Part of the buffer that is kept free for what must not get lost."""

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0  # seconds of backoff
_SPILLED_AT_ONCE = 5000  # events

_monotonic = time.monotonic
_io: Any = native.Local()


def is_internal() -> bool:
    """Return whether this thread is doing raceway's own input and output.

    Instrumentation of HTTP clients, sockets and locks has to leave such a thread alone.

    Example:
        >>> is_internal()
        False
    """
    return bool(getattr(_io, "active", False))


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
        spool: Where events wait on the disk, or None.
        idempotent: Whether the server knows an event again, so that it may be sent twice.
        at_exit: Whether the end of the process closes it; if not, its owner does.
        at_sigterm: Whether that end may be SIGTERM, where its action is the default one.
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
        spool: Spool | None = None,
        idempotent: bool = False,
        at_exit: bool = True,
        at_sigterm: bool = False,
    ) -> None:
        self.at_exit = at_exit
        self._at_sigterm = at_exit and at_sigterm
        self.endpoint = transport.endpoint
        self._encode = encode
        self._transport = transport
        self._batch_size = batch_size
        self._configured_batch_bytes = batch_bytes
        self._flush_interval = flush_interval
        self._buffer_bytes = buffer_bytes
        self._open_bytes = buffer_bytes - int(buffer_bytes * RESERVE)
        self._spool = spool
        self._spill_at = buffer_bytes // 2 if spool is not None else sys.maxsize
        self._idempotent = idempotent
        self._rate = rate
        self._exit_timeout = exit_timeout
        self._generation = 0
        self._closed = False
        self._reset()
        processes.register(self)

    def _reset(self) -> None:
        """Begin anew: in the constructor and in the child of a process fork."""
        self._generation += 1  # a thread of an earlier generation has nothing to say any more
        self._lock = native.ReentrantLock()
        self._wake = native.Signal()
        self._waiters: list[tuple[int, native.Signal]] = []
        self._exited = native.Signal()
        self._running = False
        self._asleep = False  # the thread looks at the queue only if it is woken
        self._queue: deque[tuple[float, int, Any]] = deque()
        self._queued_bytes = 0
        self._in_flight_bytes = 0
        self._hand: deque[list[bytes]] = deque()  # the batch in hand; its first piece is being sent
        self._from_disk: deque[bytes] = deque()  # read, and not in hand yet
        self._left = 0  # events left on the disk at the end
        self._disk = native.allocate_lock()
        self._orphans = Orphans()
        self._batch_bytes = self._configured_batch_bytes
        self._accepted = self._settled = 0
        self._sent = self._unconfirmed = self._requests = self._retries = 0
        self._dropped = self._overflowed = self._refused = 0
        self._urgent = 0  # events up to this number are to be sent without waiting for others
        self._hurry = False  # a flush wants the next attempt now
        self._give_up_at: float | None = None
        self._failing = False
        self._trouble = Trouble()
        self._given_up = False
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
            full = (
                waiting + 1 == self._batch_size
                or before < self._batch_bytes <= after
                or before < self._spill_at <= after
            )
            first = self._asleep and not waiting
            if not (full or first):
                return True  # waking a thread takes longer than all the rest
            if first:
                self._expect_sigterm()
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
        return done and not self._left and self._dropped + self._unconfirmed == lost

    def close(self, timeout: float, *, patient: bool = True) -> bool:
        """Send what is there, stop the thread and take no more events. Safe to repeat.

        A server that does not answer holds it up for two seconds, not for the whole time.

        Args:
            timeout: Longest time to wait, in seconds.
            patient: Whether to give a server that is merely slow the whole time.

        Returns:
            True if nothing was lost by closing; what is on the disk is not lost.
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
        grace = min(timeout, ends.GRACE)
        if not is_internal() and not self._wait(target, grace):
            progress = self._settled > settled
            if (progress or patient) and not self._failing:
                self._wait(target, max(0.0, timeout - grace))
        self._abandon()
        if self._running and not is_internal():
            self._exited.wait_cooperatively(0.2)  # idle, it ends at once
        sigterm.relax(self)
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
                buffered=self._accepted - self._settled + self._left,
                buffered_bytes=self._queued_bytes + self._in_flight_bytes,
                spooled=self._on_disk() + self._left,
                requests=self._requests,
                retries=self._retries,
            )

    def after_fork(self) -> None:
        """Start over in the child: the buffer, thread and connection belong to the parent."""
        self._transport.forget()
        if self._spool is not None:
            self._spool.forget()
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
        """Spool what is still there, or count it as lost; disown a thread stuck in a request."""
        # Both the thread and whoever closes may come here.
        mine = self._disk.acquire(timeout=1.0)
        try:
            self._give_up(self._spool if mine else None)
        finally:
            if mine:
                self._disk.release()

    def _give_up(self, spool: Spool | None) -> None:
        with self._lock:
            left = self._accepted - self._settled
            if left <= 0:
                return
            self._generation += 1
            self._running = False
            hand, read, queue = list(self._hand), list(self._from_disk), list(self._queue)
            unconfirmed = len(hand.pop(0)) if hand and self._transport.entrusted else 0
            self._hand.clear()
            self._from_disk.clear()
            self._queue.clear()
        spooled = 0
        if spool is not None:
            older = [event for part in hand for event in part] + read
            if older:
                spool.write(older, oldest=True)
            newer = self._encoded(record for _, _, record in queue)
            spool.write([event for event in newer if event])
            spooled = spool.count
            self._trouble.problem = spool.problem or self._trouble.problem
            spool.close()
        with self._lock:
            self._left = spooled
            self._unconfirmed += unconfirmed
            self._dropped += left - unconfirmed - spooled
            self._given_up = left > spooled
            self._settled = self._accepted
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
            processes.register_at_exit()
        self._expect_sigterm()
        return True

    def _expect_sigterm(self) -> None:
        if self._at_sigterm and not self._closed:
            processes.expect_sigterm(self, self._exit_timeout)

    def _loop(self, generation: int) -> None:
        _io.active = True
        native.block_signals()
        try:
            if self._spool is not None:
                self._adopt(self._spool, generation)
            while True:
                batch = self._take(generation)
                if batch is None:
                    return
                with self._lock:
                    self._expect_sigterm()  # again: its action may be the default one only now
                try:
                    self._deliver(batch, generation)
                except Exception as error:  # a bug of ours; the next batch may fare better
                    self._trouble.internal(error)
                    self._settle_rest(generation)
                self._report()
        finally:
            _io.active = False
            with self._lock:
                mine = generation == self._generation
                if mine:
                    self._running = False
            if mine and self._spool is not None:
                self._spool.close()
            self._transport.close()
            self._exited.set()

    def _take(self, generation: int) -> list[Any] | None:
        """Wait until a batch is due and cut it off the queue; None when it is time to end."""
        idle = False
        while True:
            with self._lock:
                if generation != self._generation:
                    return None
                closing = self._give_up_at is not None
                wait = -1.0
                if self._on_disk():
                    break
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
                elif idle:
                    self._asleep = True
                    sigterm.relax(self)
                else:
                    # Whoever has just sent something may soon have more: it need not wake us.
                    idle = True
                    wait = self._flush_interval
            if self._dropped > self._trouble.reported:
                self._report()
            self._wake.wait(wait)
            if self._asleep:
                self._asleep = idle = False
        return self._cut(generation)

    def _cut(self, generation: int) -> list[Any] | None:
        batch: list[Any] = []
        size = 0
        if self._on_disk():
            return self._read_back(generation)
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
        parts = self._written(batch, generation)
        with self._lock:
            if generation == self._generation:
                self._hand.extend(parts)
        while True:
            with self._lock:
                if generation != self._generation or not self._hand:
                    return
                part = self._hand[0]
            self._pace(len(part))
            rest = self._attempts(part, generation)
            with self._lock:
                if generation == self._generation:
                    self._hand.popleft()
                    self._hand.extendleft(reversed(rest))

    def _encoded(self, records: Iterable[Any]) -> Iterator[bytes]:
        """Yield each as JSON; nothing for what cannot be sent."""
        for record in records:
            try:
                event = record if type(record) is bytes else self._encode(record)
            except Exception as error:  # a bug of ours; the other events may fare better
                self._trouble.internal(error)
                event = b""
            yield event if len(event) <= MAX_EVENT_BYTES else b""

    def _written(self, batch: list[Any], generation: int) -> list[list[bytes]]:
        """Return the batch as JSON, cut where it is larger than the records seemed to be."""
        parts: list[list[bytes]] = [[]]
        size = 0
        for event in self._encoded(batch):
            if not event:
                self._settle(generation, refused=1)
                continue
            if parts[-1] and size + len(event) > self._batch_bytes:
                parts.append([])
                size = 0
            parts[-1].append(event)
            size += len(event)
        return [part for part in parts if part]

    def _attempts(self, part: list[bytes], generation: int) -> list[list[bytes]]:
        """Send ``part`` until something comes of it; return what is still to be sent of it."""
        attempt = 0
        while generation == self._generation:
            if self._out_of_time():
                self._abandon()
                break
            part[:] = map(self._orphans.adopt, part)
            answer = self._post(part, again=attempt > 0)
            attempt += 1
            outcome = outcomes.read(answer, len(part), attempt, idempotent=self._idempotent)
            self._failing = answer.status in (0, 429) or answer.status >= 500
            rest = self._take_note(outcome, part, generation)
            if outcome.again:
                self._back_off(attempt, answer, overrun=outcome.overrun)
            if rest != [part]:
                return rest
        return []

    def _post(self, part: list[bytes], *, again: bool) -> Answer:
        with self._lock:
            self._requests += 1
            self._retries += again
        return self._transport.post(b'{"events":[' + b",".join(part) + b"]}")

    def _take_note(self, outcome: Outcome, part: list[bytes], generation: int) -> list[list[bytes]]:
        """Count what came of a request, and return the pieces that are to be sent next."""
        for index in outcome.refused:
            self._orphans.lost(part[index])
        self._settle(
            generation,
            sent=outcome.sent,
            refused=len(outcome.refused),
            unconfirmed=outcome.unconfirmed,
        )
        if outcome.overrun:
            self._pacer.overrun()
        elif outcome.sent:
            self._pacer.accepted(outcome.sent)
        if outcome.too_large:
            # The next batch shall not run into the same limit.
            size = sum(map(len, part))
            self._batch_bytes = max(1024, min(self._batch_bytes, size // 2))
        if outcome.sent or outcome.outage:
            self._trouble.outage = outcome.outage
        self._trouble.problem = outcome.lost or self._trouble.problem
        if outcome.again:
            self._report()
        return [part[piece.start : piece.stop] for piece in outcome.rest]

    def _settle(
        self, generation: int, *, sent: int = 0, refused: int = 0, unconfirmed: int = 0
    ) -> None:
        with self._lock:
            if generation != self._generation:
                return  # counted as lost already, by close()
            self._transport.entrusted = False
            self._settled += sent + refused + unconfirmed
            self._sent += sent
            self._dropped += refused
            self._refused += refused
            self._unconfirmed += unconfirmed
            if self._in_hand() <= 0:
                self._in_flight_bytes = 0
            self._notify()

    def _settle_rest(self, generation: int) -> None:
        """Count as lost what is left of the batch in hand."""
        with self._lock:
            if generation == self._generation:
                self._hand.clear()
                self._settle(generation, refused=self._in_hand())

    def _in_hand(self) -> int:
        return self._accepted - self._settled - len(self._queue) - self._on_disk()

    # --- the disk ----------------------------------------------------------------------------

    def _on_disk(self) -> int:
        """Return how many events are on the disk, or were read and are not in hand yet."""
        return 0 if self._spool is None else self._spool.count + len(self._from_disk)

    def _adopt(self, spool: Spool, generation: int) -> None:
        """Take over what earlier processes have left."""
        with self._disk:
            found = spool.adopt()
        with self._lock:
            if generation == self._generation:
                self._accepted += found
                # They are sent before what is waited for.
                self._urgent += found
                self._waiters = [(target + found, signal) for target, signal in self._waiters]

    def _spill(self) -> None:
        """Make room in memory, if there is a disk and the server takes nothing."""
        spool, queue = self._spool, self._queue
        if spool is None or self._queued_bytes < self._spill_at:
            return
        generation = self._generation
        with self._disk:
            records: list[tuple[float, int, Any]] = []
            # As in _cut(): nobody else takes from the queue, but for _abandon().
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
            with self._lock:
                if generation == self._generation:
                    queue.extendleft(reversed(kept))
                    before = sum(counts for _, counts, _ in records)
                    self._queued_bytes += sum(counts for _, counts, _ in kept) - before
            self._settle(generation, refused=len(events) - len(sendable))
        if kept:
            self._spill_at = sys.maxsize  # until something has been taken off the disk
            self._trouble.problem = spool.problem

    def _read_back(self, generation: int) -> list[bytes] | None:
        """Return a batch of what is on the disk."""
        spool = self._spool
        batch: list[bytes] = []
        size = 0
        if spool is None:
            return None
        with self._disk:
            if not self._from_disk:
                self._from_disk.extend(spool.read())
                self._spill_at = self._buffer_bytes // 2
                lost, spool.missing = spool.missing, 0
                if lost:
                    self._trouble.problem = spool.problem or "a part of the spool is damaged"
                    self._settle(generation, refused=lost)
            while self._from_disk and len(batch) < self._batch_size:
                if batch and size + len(self._from_disk[0]) > self._batch_bytes:
                    break
                batch.append(self._from_disk.popleft())
                size += len(batch[-1])
        with self._lock:
            if generation != self._generation:
                return None
            self._in_flight_bytes = size
        return batch

    # --- waiting -----------------------------------------------------------------------------

    def _back_off(self, attempt: int, answer: Answer, *, overrun: bool) -> None:
        """Wait as long as the server asks for, else longer each time."""
        asked = answer.retry_after
        if asked is not None and asked >= _FIRST_DELAY:  # not 0, or a date that is over
            self._pause(asked, asked=True)
            return
        # A default server empties its queue every 0.1 s.
        delay = _FIRST_DELAY * 2 ** min(attempt + (1 if overrun else -1), 10)
        # Half of it at random, so that a fleet does not come back in step. (os.urandom because
        # the random module is slow to import.)
        self._pause(min(_LONGEST_DELAY, delay) * (0.5 + os.urandom(1)[0] / 512))

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
            self._spill()
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
        lost = self._dropped + self._unconfirmed
        waiting = self._accepted - self._settled + self._left
        self._trouble.tell(lost, waiting, left=self._left, final=final)
