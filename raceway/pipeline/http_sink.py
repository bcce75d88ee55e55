"""The sink of an instrumented program that sends its events to a Raceway server.

The application's threads only put chunks into a queue.  One thread of ours replays them, makes
events and hands them to the sender; it is started with the first chunk, so that a program that
lets gevent patch everything at its beginning finds no thread running.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from typing import Any

from raceway import redaction, values
from raceway.config import Config
from raceway.engine.definitions import Definitions
from raceway.model import ops
from raceway.pipeline import native, transport
from raceway.pipeline.sender import Sender
from raceway.pipeline.spool import Spool
from raceway.pipeline.transport import Transport
from raceway.pipeline.wire_events import EventReplay
from raceway.record import recorder
from raceway.record.definer import Definer

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


_NONE: set[int] = set()
_GRACE = 2.0  # seconds that exec waits for a server
CHUNKS_WAITING = 64
"""Chunks that wait to be made events of; beyond that accesses are dropped."""


def _without_accesses(chunk: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for at in range(0, len(chunk), ops.STRIDE):
        if chunk[at + 1] & ops.OP_MASK > ops.VALUE:
            kept += chunk[at : at + ops.STRIDE]
    return kept


def _without(chunk: list[Any], by_hand: dict[str, set[int]]) -> list[Any]:
    """Return a chunk without the accesses and locks that a program tracks by hand."""
    variables, locks = by_hand["variable"], by_hand["lock"]
    if not variables and not locks:
        return chunk
    kept: list[Any] = []
    for at in range(0, len(chunk), ops.STRIDE):
        word = chunk[at + 1]
        op, subject = word & ops.OP_MASK, word >> ops.OP_BITS
        if op <= ops.VALUE:
            known = variables
        elif op in (ops.ACQUIRE, ops.RELEASE):
            known = locks
        else:
            known = _NONE
        if subject not in known:
            kept += chunk[at : at + ops.STRIDE]
    return kept


def _log(text: str) -> None:
    import logging

    logging.getLogger("raceway").warning(text)


class HttpSink:
    """Turns chunks into events and sends them.

    Args:
        config: Where to send to, and under which names.
        by_hand: Whether to send what the program tracks through a client, which sends that itself.
    """

    sends_events = True
    """Somebody is told of what an analysis on this side does not need, such as statements."""

    def __init__(self, config: Config, *, by_hand: bool = True) -> None:
        self.endpoint = config.endpoint
        self._config = config
        self._left_to_client: dict[str, set[int]] = {"variable": set(), "lock": set()}
        self._by_hand = by_hand
        self._hides = redaction.hides(config.redact)
        self._begin()

    def _begin(self) -> None:
        config = self._config
        # A signal instead of a chunk is raised when those before it have been replayed.
        self._queue: deque[tuple[list[Any] | native.Signal, list[tuple[Any, ...]]]] = deque()
        self._wake = native.Signal()
        self._done = native.Signal()
        self._running = False
        self._closing = False
        self._left_out = 0
        self._deadline = float("inf")
        self._definer = Definer()
        self._definitions = Definitions()
        version = "{}.{}.{}".format(*sys.version_info)
        head = (ops.DEF_PROCESS, os.getpid(), "", tuple(sys.argv), version, time.time())
        self._definitions.add(head)
        self._sender = Sender(
            Transport(config.endpoint, config.api_key, config.request_timeout, config.proxy),
            batch_size=config.batch_size,
            batch_bytes=config.max_batch_bytes,
            flush_interval=config.flush_interval,
            buffer_bytes=config.max_buffer_bytes,
            rate=config.max_events_per_second,
            exit_timeout=config.shutdown_timeout,
            spool=Spool(config.spool, config.max_spool_bytes) if config.spool else None,
            idempotent=config.dialect == "full",
            at_exit=False,  # only after the last of what was recorded has come here: see close()
        )
        self._replay = EventReplay(
            self._definitions,
            self._put,
            service=values.text(config.service_name),
            environment=values.text(config.environment),
            instance=values.text(config.current_instance_id()),
            full=config.dialect == "full",
            hides=self._hides,
        )

    # --- what the application's threads call

    def write(self, chunk: list[Any], definitions: list[tuple[Any, ...]]) -> None:
        """Take a chunk; it is turned into events in the background."""
        if len(self._queue) >= CHUNKS_WAITING:
            # The order must stay right: only accesses are dropped.
            kept = _without_accesses(chunk)
            self._left_out += (len(chunk) - len(kept)) // ops.STRIDE
            chunk = kept
        self._queue.append((chunk, definitions))
        if self._running:
            self._wake.set()
        elif not self._closing:
            self._running = True
            try:
                native.start_new_thread(self._loop, ())
            except RuntimeError:  # the interpreter ends, or a limit of the system
                self._running = False

    def after_fork(self) -> None:
        """Start anew in a forked child; what the parent recorded is sent by the parent.

        What it has defined is known here, too: the child goes on using its variables and locks.
        """
        definer, inherited, waiting = self._definer, self._definitions, tuple(self._queue)
        self._begin()
        self._definitions.parent = inherited
        try:
            for _, definitions in waiting:
                out: list[tuple[Any, ...]] = []
                _, fresh = definer.define([], definitions, out)
                definer.commit(fresh)
                for definition in out:
                    self._take_note(inherited, definition)
        except Exception as error:  # the parent's thread was in the middle of it
            recorder.internal_error("http sink", error)

    def deliver(self) -> None:
        """Send what is there now: another program may be about to take this process's place."""
        timeout = min(self._config.shutdown_timeout, _GRACE)
        if self._running:
            reached = native.Signal()
            self._queue.append((reached, []))
            self._wake.set()
            reached.wait(timeout)
        self._sender.flush(timeout)

    def close(self) -> None:
        """Send what is there, for at most twice ``shutdown_timeout`` seconds."""
        timeout = self._config.shutdown_timeout
        self._closing = True
        self._deadline = time.monotonic() + timeout
        if self._running:
            self._wake.set()
            self._done.wait(timeout)
        else:
            self._drain()  # what came when no thread could be started any more
        waiting = sum(len(chunk) for chunk, _ in self._queue if isinstance(chunk, list))
        left_out = self._left_out + waiting // ops.STRIDE
        if left_out:
            _log(f"more was recorded than could be sent: {left_out} operations were left out")
        self._sender.close(timeout)

    # --- the background thread

    def _loop(self) -> None:
        with transport.importing:
            # What is imported when it is needed, further down: a process that is forked in the
            # middle of that would wait for it for ever.
            import dis  # noqa: F401
            import hashlib  # noqa: F401
            import uuid  # noqa: F401
        while not self._closing:
            self._drain()
            if not self._wake.wait(self._config.flush_interval):
                recorder.flush()
        self._drain()
        self._running = False
        self._done.set()

    def _drain(self) -> None:
        while self._queue and time.monotonic() < self._deadline:
            # Taken off the queue only afterwards: a child that is forked meanwhile finds it there.
            chunk, definitions = self._queue[0]
            try:
                if isinstance(chunk, native.Signal):
                    chunk.set()
                    continue
                out: list[tuple[Any, ...]] = []
                packed, fresh = self._definer.define(chunk, definitions, out)
                self._definer.commit(fresh)
                for definition in out:
                    self._take_note(self._definitions, definition)
                packed = _without(packed, self._left_to_client)
                self._replay.feed(packed, patient=False)
            except Exception as error:
                recorder.internal_error("http sink", error)
            finally:
                self._queue.popleft()

    def _take_note(self, definitions: Definitions, definition: tuple[Any, ...]) -> None:
        definitions.add(definition)
        if definition[0] == ops.DEF_BY_HAND and not self._by_hand:
            self._left_to_client[definition[1]].add(definition[2])

    def _put(self, event: dict[str, Any]) -> bool:
        written = as_json(event, self._hides, self._config.max_value_bytes)
        return self._sender.put(written, len(written), "LockRelease" in event["kind"])


def as_json(event: dict[str, Any], hides: redaction.Hides, most: int) -> bytes:
    """Return an event of a replay as it is sent.

    Args:
        event: The event; its value is replaced by what is sent of it.
        hides: Whether what has this name is a secret.
        most: Bytes of a value, at most.
    """
    change = event["kind"].get("StateChange")
    if change is not None:
        value = change["new_value"]
        if value is not None and hides is not None and hides(change["variable"]):
            change["new_value"] = redaction.REDACTED
        else:
            change["new_value"] = values.capture(value, most)
    return _encode(event).encode("utf-8", "replace")


def start(endpoint: str, service: str = "") -> None:
    """Send what this process records to a server.

    Args:
        endpoint: Base URL of the server.
        service: Service name; ``unknown-service`` if empty.

    Raises:
        UsageError: The endpoint is no URL.
    """
    given = {"service_name": service} if service else {}
    config = Config.load(endpoint=endpoint, **given)
    recorder.start(HttpSink(config))
