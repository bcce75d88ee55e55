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

Here are the thread and its end. Events wait in the ``buffer`` or on the disk (``spooling``), become
requests in ``batches``, and numbers in the ``ledger``; ``patience`` waits in between.

The thread is started with the first event, on primitives that nobody has patched (``native``), and
not through ``threading``: neither gevent nor our own instrumentation shall see it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from raceway.pipeline import ends, native, outcomes, processes, sigterm
from raceway.pipeline.batches import Batches
from raceway.pipeline.buffer import Buffer
from raceway.pipeline.ledger import Ledger
from raceway.pipeline.patience import Patience
from raceway.pipeline.spooling import Spooling
from raceway.pipeline.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from raceway.pipeline.outcomes import Outcome
    from raceway.pipeline.spool import Spool
    from raceway.pipeline.stats import Stats
    from raceway.pipeline.transport import Answer, Transport

_SETTLES_WITHIN = 0.5  # seconds in which a thread that is not in a request puts down what it has

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
    """The thread that empties the buffer.

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

    Attributes:
        put: Takes one event: :meth:`Buffer.put`, without a step in between.
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
        self._flush_interval = flush_interval
        self._idempotent = idempotent
        self._rate = rate
        self._exit_timeout = exit_timeout
        self._generation = 0
        self._buffer = Buffer(
            buffer_bytes,
            batch_size=batch_size,
            batch_bytes=batch_bytes,
            spills=spool is not None,
            start=self._start,
            stirred=self._expect_sigterm,
        )
        self.put = self._buffer.put
        self._disk = Spooling(spool, self._buffer, self._encoded, batch_size)
        self._begin()
        processes.register(self)

    def _begin(self) -> None:
        """Begin anew: in the constructor and in the child of a process fork."""
        self._generation += 1  # a thread of an earlier generation has nothing to say any more
        self._exited = native.Signal()
        self._ledger = Ledger(self._buffer)
        self._trouble = Trouble()
        self._batches = Batches(self._encode, self._trouble)
        self._patience = Patience(self._buffer.wake, self._rate, self._spill)
        self._urgent = 0  # events up to this number are to be sent without waiting for others
        self._failing = False
        self._given_up = False
        self._copied: frozenset[str] | None = None

    def after_fork(self) -> None:
        """Start over in the child: the buffer, thread and connection belong to the parent."""
        self._transport.forget()
        self._disk.forget()
        self._disk.begin()
        self._buffer.begin()
        self._begin()

    # --- what the application's threads call -------------------------------------------------

    def nudge(self) -> None:
        """Send what is there without waiting for more, and do not wait for it."""
        with self._buffer.lock:
            self._urgent = self._buffer.accepted
        self._buffer.wake.set()

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
        with self._buffer.lock:
            target, lost = self._buffer.accepted, self._ledger.lost
            if self._ledger.settled >= target:
                return True
            if not self._buffer.attended and not self._start():
                return False
            self._urgent = max(self._urgent, target)
            self._patience.hurry = True
        self._buffer.wake.set()
        done = self._wait(target, timeout)
        return done and not self._ledger.left and self._ledger.lost == lost

    def leave(self, timeout: float) -> None:
        """Send what is there before another program takes the place of this one, which can fail.

        What the server does not take is left on the disk, if there is one. Then nothing is taken or
        sent any more until :meth:`stay`.

        Args:
            timeout: Longest time to wait, in seconds.
        """
        if self.flush(timeout) or is_internal() or not self._disk.exists:
            return
        deadline = time.monotonic() + _SETTLES_WITHIN
        while self._copied is None and time.monotonic() < deadline:
            if not self._disk.lock.acquire(timeout=_SETTLES_WITHIN):
                return
            self._buffer.lock.acquire()
            if not self._copy():
                self._buffer.lock.release()
                self._disk.lock.release()
                time.sleep(0.001)  # for the thread to put down what it has just taken up

    def stay(self) -> None:
        """Go on: no other program has taken the place of this one. By the thread that left."""
        if self._copied is not None:
            copied, self._copied = self._copied, None
            self._disk.forget_copy(copied)
            self._buffer.lock.release()
            self._disk.lock.release()

    def _copy(self) -> bool:
        """Copy what waits to the disk, unless some of it is in the hands of the thread."""
        parts = self._batches.all()
        on_their_way = len(parts.pop(0)) if parts and self._transport.entrusted else 0
        older = [event for part in parts for event in part]
        known = on_their_way + len(older) + len(self._buffer.queue) + len(self._disk)
        if known != self._buffer.accepted - self._ledger.settled:
            return False
        queue = [event for _, _, event in self._buffer.queue]
        self._copied = self._disk.copy(older, [event for event in self._encoded(queue) if event])
        return True

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
        buffer, ledger = self._buffer, self._ledger
        with buffer.lock:
            again, buffer.closed = buffer.closed, True
            target, settled, lost = buffer.accepted, ledger.settled, ledger.dropped
            if not again:
                self._patience.give_up_at = begun + timeout
            threadless = not buffer.attended and bool(buffer.queue) and not self._start()
            attended, generation = buffer.attended, self._generation
        buffer.wake.set()
        if threadless:
            # No thread can be started (the interpreter ends, or a limit of the system).
            self._loop(self._generation)
        grace = min(timeout, ends.GRACE)
        if not is_internal() and not self._wait(target, grace):
            progress = ledger.settled > settled
            if (progress or patient) and not self._failing:
                self._wait(target, max(0.0, timeout - grace))
        self._abandon()
        if attended and generation == self._generation and not is_internal():
            self._exited.wait_cooperatively(0.2)  # idle, it ends at once
        sigterm.relax(self)
        if not again:
            self._report(final=True)
        return not self._given_up and ledger.dropped == lost

    def close_at_exit(self) -> None:
        """Close within two seconds if the server does not answer."""
        self.close(self._exit_timeout, patient=False)

    def stats(self) -> Stats:
        """Return the numbers as they are now."""
        with self._buffer.lock:
            return self._ledger.stats(len(self._disk))

    def _wait(self, target: int, timeout: float) -> bool:
        with self._buffer.lock:
            signal = self._ledger.wait_for(target)
        return signal is None or (timeout > 0 and signal.wait_cooperatively(timeout))

    def _abandon(self) -> None:
        """Spool what is still there, or count it as lost; disown a thread stuck in a request."""
        # Both the thread and whoever closes may come here.
        disk = self._disk.lock
        mine = disk.acquire(timeout=1.0)
        try:
            self._give_up(to_disk=mine)
        finally:
            if mine:
                disk.release()

    def _give_up(self, *, to_disk: bool) -> None:
        with self._buffer.lock:
            if self._buffer.accepted <= self._ledger.settled:
                return
            self._generation += 1
            self._buffer.attended = False
            parts, queue = self._batches.drain(), self._buffer.drain()
            unconfirmed = len(parts.pop(0)) if parts and self._transport.entrusted else 0
            older = [event for part in parts for event in part] + self._disk.take_read()
        left = 0
        if to_disk and self._disk.exists:
            left = self._disk.keep(older, [event for event in self._encoded(queue) if event])
        with self._buffer.lock:
            self._given_up = self._ledger.end(unconfirmed=unconfirmed, left=left) > 0
            self._buffer.queued_bytes = self._buffer.in_flight_bytes = 0

    def _encoded(self, records: Iterable[Any]) -> Iterator[bytes]:
        return self._batches.encoded(records)

    # --- the thread --------------------------------------------------------------------------

    def _start(self) -> bool:
        try:
            native.start_new_thread(self._loop, (self._generation,))
        except RuntimeError:  # no more threads; the events wait for the next attempt
            return False
        self._buffer.attended = True
        if self.at_exit:
            processes.register_at_exit()
        self._expect_sigterm()
        return True

    def _expect_sigterm(self) -> None:
        if self._at_sigterm and not self._buffer.closed:
            processes.expect_sigterm(self, self._exit_timeout)

    def _loop(self, generation: int) -> None:
        _io.active = True
        try:
            self._adopt(generation)
            while True:
                batch = self._take(generation)
                if batch is None:
                    return
                with self._buffer.lock:
                    self._expect_sigterm()  # again: its action may be the default one only now
                try:
                    self._deliver(batch, generation)
                except Exception as error:  # a bug of ours; the next batch may fare better
                    self._trouble.internal(error)
                    self._settle_rest(generation)
                self._report()
        finally:
            _io.active = False
            with self._buffer.lock:
                mine = generation == self._generation
                if mine:
                    self._buffer.attended = False
            if mine:
                self._disk.close()
            self._transport.close()
            self._exited.set()

    def _adopt(self, generation: int) -> None:
        """Take over what earlier processes have left."""
        found = self._disk.adopt()
        with self._buffer.lock:
            if generation == self._generation:
                self._ledger.adopt(found)
                self._urgent += found

    def _take(self, generation: int) -> list[Any] | None:
        """Wait until a batch is due and take it; None when it is time to end."""
        buffer = self._buffer
        idle = False
        while True:
            with buffer.lock:
                if generation != self._generation:
                    return None
                closing = self._patience.give_up_at is not None
                wait = -1.0
                if self._disk:
                    break
                if buffer.queue:
                    due = closing or buffer.is_full() or self._urgent > self._ledger.settled
                    wait = buffer.queue[0][0] + self._flush_interval - time.monotonic()
                    if due or wait <= 0:
                        break
                elif closing:
                    return None
                elif idle:
                    buffer.asleep = True
                    sigterm.relax(self)
                else:
                    # Whoever has just sent something may soon have more: it need not wake us.
                    idle = True
                    wait = self._flush_interval
            if self._ledger.dropped > self._trouble.reported:
                self._report()
            buffer.wake.wait(wait)
            if buffer.asleep:
                buffer.asleep = idle = False
        return self._cut(generation)

    def _cut(self, generation: int) -> list[Any] | None:
        if self._disk:
            batch, size, lost = self._disk.read_back()
            if lost:
                self._settle(generation, refused=lost)
            with self._buffer.lock:
                if generation != self._generation:
                    return None
                self._buffer.in_flight_bytes = size
            return batch
        batch, size = self._buffer.cut()
        with self._buffer.lock:
            if generation != self._generation:
                return None
            self._buffer.moved(size)
        return batch

    def _deliver(self, batch: list[Any], generation: int) -> None:
        parts, unusable = self._batches.written(batch, self._buffer.batch_bytes)
        if unusable:
            self._settle(generation, refused=unusable)
        with self._buffer.lock:
            if generation == self._generation:
                self._batches.take(parts)
        while True:
            with self._buffer.lock:
                part = self._batches.first()
                if generation != self._generation or part is None:
                    return
            self._patience.pace(len(part))
            rest = self._attempts(part, generation)
            with self._buffer.lock:
                if generation == self._generation:
                    self._batches.replace_first(rest)

    def _attempts(self, part: list[bytes], generation: int) -> list[list[bytes]]:
        """Send ``part`` until something comes of it; return what is still to be sent of it."""
        attempt = 0
        while generation == self._generation:
            if self._patience.is_over:
                self._abandon()
                break
            answer = self._post(part, again=attempt > 0)
            attempt += 1
            outcome = outcomes.read(answer, len(part), attempt, idempotent=self._idempotent)
            self._failing = answer.status in (0, 429) or answer.status >= 500
            rest = self._take_note(outcome, part, generation)
            if outcome.again:
                self._patience.back_off(attempt, answer, overrun=outcome.overrun)
            if rest != [part]:
                return rest
        return []

    def _post(self, part: list[bytes], *, again: bool) -> Answer:
        body = self._batches.body(part)
        with self._buffer.lock:
            self._ledger.requests += 1
            self._ledger.retries += again
        return self._transport.post(body, self._buffer.lock)

    def _take_note(self, outcome: Outcome, part: list[bytes], generation: int) -> list[list[bytes]]:
        """Count what came of a request, and return the pieces that are to be sent next."""
        rest = self._batches.rest_of(part, outcome)
        self._settle(
            generation,
            sent=outcome.sent,
            refused=len(outcome.refused),
            unconfirmed=outcome.unconfirmed,
        )
        if outcome.overrun:
            self._patience.pacer.overrun()
        elif outcome.sent:
            self._patience.pacer.accepted(outcome.sent)
        if outcome.too_large:
            # The next batch shall not run into the same limit.
            size = sum(map(len, part))
            self._buffer.batch_bytes = max(1024, min(self._buffer.batch_bytes, size // 2))
        if outcome.sent or outcome.outage:
            self._trouble.outage = outcome.outage
        self._trouble.problem = outcome.lost or self._trouble.problem
        if outcome.again:
            self._report()
        return rest

    def _settle(
        self, generation: int, *, sent: int = 0, refused: int = 0, unconfirmed: int = 0
    ) -> None:
        with self._buffer.lock:
            if generation != self._generation:
                return  # counted as lost already, by close()
            self._transport.entrusted = False
            self._ledger.settle(sent=sent, refused=refused, unconfirmed=unconfirmed)
            if self._in_hand() <= 0:
                self._buffer.in_flight_bytes = 0

    def _settle_rest(self, generation: int) -> None:
        """Count as lost what is left of the batch in hand."""
        with self._buffer.lock:
            if generation == self._generation:
                self._batches.drain()
                self._settle(generation, refused=self._in_hand())

    def _in_hand(self) -> int:
        waiting = len(self._buffer.queue) + len(self._disk)
        return self._buffer.accepted - self._ledger.settled - waiting

    def _spill(self) -> None:
        """Make room in memory, if there is a disk and the server takes nothing."""
        generation = self._generation
        unusable = self._disk.spill(lambda: generation == self._generation)
        if unusable:
            self._settle(generation, refused=unusable)

    def _report(self, *, final: bool = False) -> None:
        problem, self._disk.problem = self._disk.problem, ""
        self._trouble.problem = problem or self._trouble.problem
        ledger = self._ledger
        self._trouble.tell(ledger.lost, ledger.waiting, left=ledger.left, final=final)
