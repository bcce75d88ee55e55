"""Sends the recording of a run to a server, which then knows it as if it had been told meanwhile.

The logs are replayed one after the other, as each process replays itself when it has an endpoint.
What gets a new id there has the same one each time here, so that a server that knows events again
by their ids takes a recording once, however often it is sent.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from raceway import redaction, values
from raceway.engine.definitions import Definitions
from raceway.model import ops
from raceway.pipeline import events
from raceway.pipeline.http_sink import as_json
from raceway.pipeline.oplog_reader import OpLogReader
from raceway.pipeline.outcomes import read
from raceway.pipeline.transport import Transport
from raceway.pipeline.wire_events import EventReplay
from raceway.record.oplog import SUFFIX

if TYPE_CHECKING:
    from raceway.config import Config
    from raceway.pipeline.transport import Answer

_BATCH: Final = 1000
_ATTEMPTS: Final = 60
_LONGEST_WAIT: Final = 10.0
_REFUSED: Final = frozenset({401, 403})


class NotDelivered(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The recording could not be sent; the message says why, and what to do."""


class _RepeatableIds(events.Ids):
    """Ids that are the same whenever the same log is replayed.

    Args:
        seed: What tells the log from all others.
    """

    def __init__(self, seed: str) -> None:
        self._events = self._series(f"event {seed}")
        self._traces = self._series(f"trace {seed}")
        self._spans = self._series(f"span {seed}")

    @staticmethod
    def _series(seed: str) -> Callable[[], int]:
        digest = hashlib.blake2b(seed.encode("utf-8", "replace"), digest_size=16).digest()
        first = uuid.UUID(bytes=digest, version=4).int & ~(1 << 61)  # as events.numbers
        return count(first).__next__

    def event(self) -> str:
        return events.event_id(self._events())

    def trace(self) -> str:
        return events.event_id(self._traces())

    def span(self) -> str:
        return f"{self._spans() & (1 << 64) - 1:016x}"


class _Clock:
    """The time of an event: a log says when each of its chunks was written.

    What is in a chunk is spread over the time since the one before.
    """

    def __init__(self) -> None:
        self._last = self._begin = self._step = 0
        self._left = 0

    def begin(self, seconds: float) -> None:
        """Begin with the start of the process."""
        self._last = int(seconds * 1e9)

    def spread(self, until: float, steps: int) -> None:
        """Go on with a chunk of so many ops, which was written at a time."""
        end = max(self._last, int(until * 1e9))
        self._begin = self._last or end
        self._left = max(steps, 1)
        self._step = (end - self._begin) // self._left

    def __call__(self) -> int:
        if self._left:
            self._left -= 1
            self._begin += self._step
        self._last = max(self._begin, self._last + 1)
        return self._last


class _Log:
    """One op log.

    Attributes:
        definitions: What it has defined so far.
        is_damaged: Whether it could not be read to its end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.definitions = Definitions()
        self.is_damaged = False

    @property
    def instance(self) -> str:
        """The name of its process among all."""
        return values.text(self.path.name.removesuffix(SUFFIX))

    def define(self) -> None:
        """Read its definitions only."""
        reader = OpLogReader(self.path)
        while (chunk := reader.next_chunk()) is not None:
            for definition in chunk.definitions:
                self.definitions.add(definition)

    def replay(self, config: Config, put: Callable[[bytes], None]) -> None:
        """Make events of it.

        Args:
            config: Names of service and environment, and what is a secret.
            put: Gets each event as JSON.
        """
        definitions = Definitions()
        definitions.parent = self.definitions.parent
        self.definitions = definitions
        hides = redaction.hides(config.redact)
        clock = _Clock()

        def take(event: dict[str, Any]) -> bool:
            put(as_json(event, hides, config.max_value_bytes))
            return True

        replay = EventReplay(
            definitions,
            take,
            service=values.text(config.service_name),
            environment=values.text(config.environment),
            instance=self.instance,
            hides=hides,
            ids=_RepeatableIds(f"{config.service_name} {self.path.name}"),
            clock=clock,
        )
        reader = OpLogReader(self.path)
        while (chunk := reader.next_chunk()) is not None:
            for definition in chunk.definitions:
                definitions.add(definition)
                if definition[0] == ops.DEF_PROCESS:
                    clock.begin(definition[5])
            clock.spread(chunk.time, len(chunk.ops) // ops.STRIDE)
            replay.feed(chunk.ops, patient=False)
        self.is_damaged = reader.damaged


class OpLogDelivery:
    """Sends recordings.

    Args:
        config: Where to, with which key, and under which names.
        key_option: How the user gives a key, for messages.

    Attributes:
        sent: Events that the server has confirmed.
        refused: Events that it did not take.
        known: Logs whose events it has had before.
        damaged: Names of logs that could not be read to their ends.

    Example:
        >>> from raceway.config import Config
        >>> OpLogDelivery(Config()).send(Path("/no/such/run"))
        Traceback (most recent call last):
        raceway.pipeline.oplog_delivery.NotDelivered: /no/such/run: there is no such file or folder
    """

    def __init__(self, config: Config, key_option: str = "api_key") -> None:
        self._config = config
        self._key_option = key_option
        self._transport = Transport(config.endpoint, config.api_key, config.request_timeout)
        self._batch: list[bytes] = []
        self._bytes = 0
        self.sent = 0
        self.refused = 0
        self.known = 0
        self.damaged: list[str] = []

    def send(self, source: Path) -> int:
        """Send a recording.

        Args:
            source: The folder of a run, or one log of it.

        Returns:
            How many logs there were.

        Raises:
            NotDelivered: It is no recording, or the server does not take it.
        """
        logs = _logs(source)
        self._exchange([])  # says at once whether there is a server that takes it
        for log in logs:
            if self._has(log):
                self.known += 1
                continue
            log.replay(self._config, self._put)
            self._flush()
            if log.is_damaged:
                self.damaged.append(log.path.name)
        self._transport.close()
        return len(logs)

    def _put(self, event: bytes) -> None:
        if self._bytes + len(event) > self._config.max_batch_bytes or len(self._batch) >= _BATCH:
            self._flush()
        self._batch.append(event)
        self._bytes += len(event) + 1

    def _flush(self) -> None:
        batch, self._batch, self._bytes = self._batch, [], 0
        if batch:
            self._exchange(batch)

    def _exchange(self, batch: list[bytes]) -> None:
        waiting = [batch]
        attempt = 0
        while waiting:
            part = waiting[0]
            attempt += 1
            answer = self._transport.post(b'{"events":[' + b",".join(part) + b"]}")
            if not 200 <= answer.status < 300:
                self._check(answer, attempt)
            if answer.status == 206:
                refused = min(len(part), _refusals(answer.text))
                self.refused += refused
                self.sent += len(part) - refused
                waiting.pop(0)
                attempt = 0
                continue
            outcome = read(answer, len(part), attempt, idempotent=True)
            self.sent += outcome.sent
            self.refused += len(outcome.refused)
            waiting[:1] = [[part[at] for at in piece] for piece in outcome.rest]
            if outcome.again:
                time.sleep(min(_LONGEST_WAIT, answer.retry_after or 1.0))
            else:
                attempt = 0

    def _check(self, answer: Answer, attempt: int) -> None:
        """Give up where another attempt makes no sense."""
        where = self._config.endpoint
        if answer.status in _REFUSED:
            has = "the key" if self._config.api_key else "events without a key"
            raise NotDelivered(
                f"{where} refuses {has} ({answer.status}): give one that may ingest"
                f" with {self._key_option}"
            )
        if answer.status == 0 and not self.sent:
            raise NotDelivered(
                f"{where} cannot be reached ({answer.error}): is a server running there?"
                " raceway serve starts one"
            )
        if answer.status in {404, 405, 415} or (300 <= answer.status < 400):
            raise NotDelivered(
                f"{where} answers {answer.status} to POST /events: it is no Raceway server"
            )
        if attempt >= _ATTEMPTS:
            reason = answer.error or f"it answers {answer.status}"
            raise NotDelivered(
                f"{where} takes no more events ({reason}); {self.sent:,} were sent."
                " Send the recording again later: none counts twice"
            )

    def _has(self, log: _Log) -> bool:
        """Tell whether the server has had all events of a log, as far as it says."""
        stored = self._stored(f"{self._config.service_name}#{log.instance}")
        if not stored:
            return False
        made = 0

        def counts(_event: bytes) -> None:
            nonlocal made
            made += 1

        log.replay(self._config, counts)
        return stored >= made

    def _stored(self, run: str) -> int:
        """Return how many events of a process the server has; 0 if it does not say."""
        request = Request(self._config.endpoint.rstrip("/") + "/api/v1/runs")  # noqa: S310 - checked by Config
        if self._config.api_key:
            request.add_header("Authorization", f"Bearer {self._config.api_key}")
        try:
            opener = build_opener(ProxyHandler({}))
            with opener.open(request, timeout=self._config.request_timeout) as answer:
                runs = json.load(answer)["data"]["runs"]
            return next((int(one["events"]) for one in runs if one["id"] == run), 0)
        except (OSError, HTTPError, ValueError, KeyError, TypeError):
            return 0  # the key may not read, or it is another server


def _refusals(text: str) -> int:
    try:
        return len(json.loads(text)["refused"])
    except (ValueError, KeyError, TypeError):
        return 0


def _logs(source: Path) -> list[_Log]:
    """Return the logs of a recording, parents before their children."""
    if source.is_dir():
        paths = sorted(source.glob(f"*{SUFFIX}"), key=_birth)
    elif source.exists():
        if not source.name.endswith(SUFFIX):
            raise NotDelivered(
                f"{source}: is no recording: only that can be sent, not a report made of it."
                " RACEWAY_KEEP_RUN=1 raceway-run keeps one"
            )
        paths = [source]
    else:
        raise NotDelivered(f"{source}: there is no such file or folder")
    if not paths:
        raise NotDelivered(f"{source}: there is no recording in it")
    found: dict[str, _Log] = {}
    for path in paths:
        first = OpLogReader(path).next_chunk()
        if first is None and path.stat().st_size:
            raise NotDelivered(f"{path}: is no recording, or of another version of Raceway")
        found[path.name] = _Log(path)
    for log in list(found.values()):
        _inherit(log, found)
    return [found[path.name] for path in paths]


def _inherit(log: _Log, known: dict[str, _Log]) -> None:
    """Let a forked process know what its parent has defined."""
    reader = OpLogReader(log.path)
    first = reader.next_chunk()
    heads = first.definitions if first is not None else []
    name = next((one[2] for one in heads if one[0] == ops.DEF_PROCESS), "")
    if not name or name == log.path.name:
        return
    parent = known.get(name)
    if parent is None:
        path = log.path.parent / name
        if not path.is_file():
            return
        parent = known[name] = _Log(path)
        _inherit(parent, known)
    if not parent.definitions.codes:
        parent.define()
    log.definitions.parent = parent.definitions


def _birth(path: Path) -> tuple[int, str]:
    begun = path.stem.rpartition("-")[2]
    return (int(begun) if begun.isdecimal() else 0), path.name
