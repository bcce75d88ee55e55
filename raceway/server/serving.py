"""Runs the server: binds the address, takes the data folder, stops when it is told to."""

from __future__ import annotations

import errno
import json
import logging
import socket
import sqlite3
import sys
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from raceway.exceptions import UsageError
from raceway.server.app import build_app
from raceway.server.event_store import EventWriter
from raceway.server.findings_store import FindingsStore
from raceway.server.folder import DataFolder

if TYPE_CHECKING:
    from raceway.server.options import ServerOptions

_GRACE: Final = 1  # seconds that open requests have
_log = logging.getLogger("raceway.server")


class _JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def serve(options: ServerOptions) -> int:
    """Run a server until it is told to stop.

    Args:
        options: How it runs.

    Returns:
        The exit status.

    Raises:
        UsageError: The address or the data folder is not usable.
    """
    _configure_log(options.log_format)
    listener = _bind(options)
    folder = None
    try:
        folder = DataFolder(options.data)
        url = _url(listener, options)
        folder.tell(url)
        for note in options.notes:
            _log.warning("%s", note)
        _try_out(options)
        app = build_app(options)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            timeout_graceful_shutdown=_GRACE,
            timeout_keep_alive=75,
        )
        server = _Server(config, app, url)
        server.run(sockets=[listener])
        return 0 if server.started else 1
    finally:
        if folder is not None:
            folder.close()
        listener.close()


def _try_out(options: ServerOptions) -> None:
    """See whether the files can be opened, to say why not where that is read."""
    findings = FindingsStore(options.data)
    try:
        findings.create()
        EventWriter(options.data).close()
    except sqlite3.Error as error:
        raise UsageError(
            f"{options.data}: cannot be used as data folder: {error}; make room, or give --data"
        ) from None
    finally:
        findings.close()


class _Server(uvicorn.Server):
    """Says where it is when it is there, and lets open streams end when it stops."""

    def __init__(self, config: uvicorn.Config, app: Any, url: str) -> None:
        super().__init__(config)
        self._app = app
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets=sockets)
        if self.started:
            _log.info(
                "Raceway is at %s, its data in %s", self._url, self._app.state.context.options.data
            )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._app.state.context.closing.set()
        # Being told to stop is no failure: else the signal is raised again in the end.
        getattr(self, "_captured_signals", []).clear()
        await super().shutdown(sockets=sockets)


def _bind(options: ServerOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        address = f"{options.host}:{options.port}"
        if error.errno == errno.EADDRINUSE:
            who = _who(options)
            raise UsageError(
                f"{address} is in use {who}: give another one with --port, or stop it"
            ) from None
        reason = error.strerror or str(error)
        raise UsageError(f"cannot listen at {address}: {reason}; give --host and --port") from None
    return listener


def _who(options: ServerOptions) -> str:
    """Say who listens at an address."""
    host = options.host if options.host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - compared
    connection = HTTPConnection(host, options.port, timeout=1)
    try:
        connection.request("GET", "/health")
        answer = json.loads(connection.getresponse().read(4096))
        if isinstance(answer, dict) and "success" in answer:
            return f"by another Raceway server (http://{host}:{options.port}/status)"
    except (OSError, ValueError, HTTPException):
        pass
    finally:
        connection.close()
    return f"by another program (ss -ltnp 'sport = :{options.port}' says which)"


def _url(listener: socket.socket, options: ServerOptions) -> str:
    port = listener.getsockname()[1]
    host = f"[{options.host}]" if ":" in options.host else options.host
    return f"http://{host}:{port}"


def _configure_log(kind: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    if kind == "json":
        handler.setFormatter(_JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _log.setLevel(logging.INFO)
    logging.getLogger("raceway").propagate = True
