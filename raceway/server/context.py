"""What the routes of one server share."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from raceway.server.analyser_process import AnalyserProcess
from raceway.server.event_reader import EventReader
from raceway.server.findings_store import FindingsStore
from raceway.server.intake import Intake
from raceway.server.keys import Keys
from raceway.server.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.server.options import ServerOptions

    T = TypeVar("T")


class ServerContext:
    """The parts of one server.

    Args:
        options: How it runs.

    Attributes:
        root: Folder to which paths below it are shown relative.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self.root = os.path.realpath(next(iter(options.sources), "."))
        self.started = time.time()
        self.closing = asyncio.Event()
        self.keys = Keys(options.keys, options.ui_password)
        self.metrics = Metrics()
        self.events = EventReader(Path(options.data))
        self.findings = FindingsStore(Path(options.data))
        self.analyser = AnalyserProcess(options)
        self.intake = Intake(options, lambda: self.findings.state("position"))
        self.metrics.gauge(
            "raceway_events_waiting", "Events that wait to be stored", lambda: self.intake.waiting
        )

    def start(self) -> None:
        """Open the store and begin to work."""
        self.findings.create()
        self.intake.start()
        self.analyser.start()

    async def stop(self) -> None:
        """Store what waits, and end."""
        await asyncio.to_thread(self.intake.stop)
        await asyncio.to_thread(self.analyser.stop)
        self.findings.close()

    def analysis(self) -> dict[str, int]:
        """Return how far the analysis is: positions in the store, and events that wait."""
        rows = {row["name"]: row["value"] for row in self.findings.ask("SELECT * FROM state")}
        return {
            "stored": self.events.last_position(),
            "position": rows.get("position", 0),
            "concluded": rows.get("concluded", 0),
            "waiting": rows.get("waiting", 0),
        }

    @property
    def uptime(self) -> int:
        """Seconds since the start."""
        return int(time.time() - self.started)


async def in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Run what reads the store beside the event loop."""
    return await asyncio.to_thread(function, *arguments)
