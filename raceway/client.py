"""The client: what a program calls to tell a Raceway server what it does.

Nothing that a caller passes makes a ``track_*`` call raise, and none of them waits for the network:
they build the event, put it into a bounded buffer and return. A background thread delivers.

What can be tracked stands in ``tracking``, calls to other services in ``outgoing``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raceway import context, settings, values
from raceway.config import Config
from raceway.exceptions import UsageError
from raceway.outgoing import Outgoing
from raceway.pipeline import call_forms, processes
from raceway.pipeline.emitter import Emitter
from raceway.pipeline.encoding import Encoder
from raceway.pipeline.observing import observers
from raceway.pipeline.sender import Sender
from raceway.pipeline.spool import Spool
from raceway.pipeline.stats import Stats
from raceway.pipeline.transport import Transport
from raceway.redaction import hides
from raceway.tracking import Tracking

if TYPE_CHECKING:
    from types import TracebackType


__all__ = ["RacewayClient", "observers"]


class RacewayClient(Tracking, Outgoing):
    """Records events of the current trace and sends them to a Raceway server.

    Safe to use from several threads and asyncio tasks, and after a process fork: the child has an
    instance id, a buffer and a connection of its own. May be used in a ``with`` statement, which
    ends with :meth:`shutdown`.

    Args:
        config: The configuration; what :meth:`Config.load` finds if missing.

    Raises:
        UsageError: ``config`` is something else.

    Example:
        >>> with RacewayClient(Config(service_name="billing")) as client:
        ...     client.track_state_change("total", 1, 2, "app.py:7", "Write")  # no trace: not sent
        >>> client.stats().accepted
        0
    """

    def __init__(self, config: Config | None = None) -> None:
        if config is None:
            config = Config.load()
        self.config = config = _checked(config)
        self._hides = hides(config.redact)
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
            at_sigterm=config.flush_on_sigterm is not False,
            encode=Encoder(
                values.text(config.service_name), values.text(config.environment), self._hides
            ).encode,
        )
        put = self._sender.put if settings.is_enabled() else _nowhere
        self._emitter = Emitter(config, put, self._hides)
        if config.flush_on_sigterm:
            processes.catch_sigterm()
        if config.debug:
            _log_to_stderr()

    def __enter__(self) -> RacewayClient:  # noqa: PYI034 - typing.Self needs Python 3.11
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Shut down; an exception of the block passes through."""
        self.shutdown()

    # --- traces ------------------------------------------------------------------------------

    def start_trace(self) -> str:
        """Open a new trace in the current thread or task.

        asyncio tasks created afterwards belong to it, too; new threads do not. A trace that was
        open is resumed by :meth:`end_trace`.

        Returns:
            The trace id, a UUID.

        Example:
            >>> client = RacewayClient()
            >>> len(client.start_trace())
            36
            >>> client.end_trace()
        """
        trace = context.TraceContext()
        context.begin(trace)
        return trace.trace_id

    def end_trace(self) -> None:
        """Close the innermost trace of the current thread or task; its events are sent at once.

        Does not wait for them. Without an open trace it does nothing.
        """
        if context.end() is not None:
            self._sender.nudge()

    # --- delivery ----------------------------------------------------------------------------

    def flush(self, timeout: float | None = None) -> bool:
        """Send what has been tracked so far and wait for it.

        Args:
            timeout: Longest time to wait, in seconds; ``Config.shutdown_timeout`` if missing.

        Returns:
            True if all of it was delivered in time.

        Example:
            >>> RacewayClient().flush(timeout=1.0)
            True
        """
        return self._sender.flush(call_forms.timeout(timeout, self.config.shutdown_timeout))

    def shutdown(self, timeout: float | None = None) -> bool:
        """Send what has been tracked so far and stop the background thread. Safe to repeat.

        Waits two seconds at most if the server does not answer. What is tracked afterwards is
        dropped. At the end of the process it happens by itself.

        Args:
            timeout: Longest time to wait, in seconds; ``Config.shutdown_timeout`` if missing.

        Returns:
            True if nothing was lost.

        Example:
            >>> RacewayClient().shutdown()
            True
        """
        done = self._sender.close(call_forms.timeout(timeout, self.config.shutdown_timeout))
        self._close_session()
        return done

    def stats(self) -> Stats:
        """Return what became of the events of this process, in numbers.

        Example:
            >>> RacewayClient().stats().dropped
            0
        """
        return self._sender.stats()


def _nowhere(_event: object, _size: int, _essential: bool = False) -> bool:
    """Stand for the sender if everything is switched off."""
    return False


def _checked(config: object) -> Config:
    if not isinstance(config, Config):
        message = f"config={config!r} is not usable: pass a raceway.Config"
        raise UsageError(message)
    return config


def _log_to_stderr() -> None:
    import logging  # late: only with debug=True

    logger = logging.getLogger("raceway")
    logger.setLevel(logging.DEBUG)
    if not logger.hasHandlers():
        logger.addHandler(logging.StreamHandler())
