"""Starts the analysing process, and starts it again when it has ended."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from raceway.server.options import ServerOptions

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_log = logging.getLogger("raceway.server")


class AnalyserProcess:
    """The process that analyses.

    Args:
        options: Of the server.

    Attributes:
        restarts: How often it had to be started again.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._command = [
            sys.executable, "-m", "raceway.server.analyser", str(options.data),
            f"--delay={options.delay}",
            *(f"--source={folder}" for folder in options.sources),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.restarts = 0

    def start(self) -> None:
        """Start it, and watch over it."""
        self._spawn()
        self._thread = threading.Thread(target=self._watch, name="raceway-analyser", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let it end."""
        self._closing.set()
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()  # what it has not written is computed anew
            process.wait()

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def _spawn(self) -> None:
        env = {name: text for name, text in os.environ.items() if name != "RACEWAY_ENDPOINT"}
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            self._command, stdin=subprocess.PIPE, env=env, start_new_session=True
        )

    def _watch(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing.is_set():
            begun = time.monotonic()
            status = self._process.wait() if self._process is not None else 0
            if self._closing.is_set():
                return
            if time.monotonic() - begun > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            _log.error(
                "the analysis has ended with status %s; started again in %.0f s", status, pause
            )
            if self._closing.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)
            self.restarts += 1
            self._spawn()
