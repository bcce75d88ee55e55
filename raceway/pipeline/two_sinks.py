"""The sink of a program that is analysed on this side and sends its events to a server as well.

What the program tracks through a client belongs into the analysis here; to the server it goes from
the client itself, once.
"""

from __future__ import annotations

from typing import Any

from raceway.config import Config
from raceway.pipeline.http_sink import HttpSink
from raceway.record.oplog import OpLog


class TwoSinks:
    """Hands each chunk to an op log and to what sends events.

    Args:
        log: The op log, whose failures are the recorder's to deal with.
        server: Sends events.
    """

    analysed_locally = True
    sends_events = True

    def __init__(self, log: OpLog, server: HttpSink) -> None:
        self.endpoint = server.endpoint
        self._log = log
        self._server = server
        self._given: list[Any] | None = None  # the chunk that the server's sink has got already

    def write(self, chunk: list[Any], definitions: list[tuple[Any, ...]]) -> None:
        """Take a chunk; called again with the same one if the log could not be written.

        Args:
            chunk: Ops; it is empty afterwards.
            definitions: What they need to be understood.

        Raises:
            OSError: As :meth:`OpLog.write`.
        """
        if self._given is not chunk:
            self._server.write(chunk[:], definitions[:])
            self._given = chunk
        self._log.write(chunk, definitions)
        self._given = None

    def after_fork(self) -> None:
        """Begin anew in a forked child.

        Raises:
            OSError: As :meth:`OpLog.after_fork`.
        """
        self._given = None
        self._server.after_fork()
        self._log.after_fork()

    def has_company(self) -> bool:
        """Return whether headers of HTTP calls may order somebody: to a server they do."""
        return True

    def reachable(self) -> bool:
        """Return whether the run directory is there."""
        return self._log.reachable()

    def leave_word(self, errors: list[tuple[str, str, int]]) -> None:
        """Say beside the log what has failed.

        Args:
            errors: Where, what and how often.
        """
        self._log.leave_word(errors)

    def deliver(self) -> None:
        """Send what is there now: another program may be about to take this process's place."""
        self._server.deliver()

    def close(self) -> None:
        """Send what is there."""
        self._server.close()


def make(run_dir: str, endpoint: str, service: str | None = None) -> TwoSinks:
    """Make the sink of this process.

    Args:
        run_dir: The run directory.
        endpoint: Base URL of the server.
        service: Service name; ``unknown-service`` if missing.

    Raises:
        UsageError: The endpoint is no URL.
    """
    given = {"service_name": service} if service else {}
    config = Config.load(endpoint=endpoint, **given)
    return TwoSinks(OpLog(run_dir), HttpSink(config, by_hand=False))
