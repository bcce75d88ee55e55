"""Switching Raceway on and off in one process: the recorder first, then the patches."""

from __future__ import annotations

import _thread
import os

from raceway_autopatch import exits
from raceway_autopatch.registry import Registry

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

OFF = frozenset({"0", "false", "no", "off"})
"""Values of ``RACEWAY_ENABLED`` that switch everything off."""


def is_enabled() -> bool:
    """Return whether the user has left Raceway on."""
    return os.environ.get("RACEWAY_ENABLED", "").strip().lower() not in OFF


class _Activation:
    """One stretch of time during which this process is recorded."""

    def __init__(self, recorder: Any, own_run: str) -> None:
        self._recorder = recorder
        self._own_run = own_run
        self._pid = os.getpid()
        self._registry = Registry(extra=(exits,))

    def begin(self) -> None:
        exits.install(self._leave, self._at_exit)
        self._registry.install()

    def end(self) -> None:
        self._registry.uninstall()
        exits.uninstall()
        self._recorder.stop()
        self._report()

    def _leave(self) -> None:
        """Write out what was recorded: another program is about to take this process's place."""
        self._recorder.finish("exec")

    def _at_exit(self) -> None:
        """Write out what was recorded, and report if the run was this process's own."""
        if self._own_run and self._pid == os.getpid():
            self._recorder.stop()
            self._report()
        else:
            self._recorder.finish("exit")

    def _report(self) -> None:
        if self._own_run and self._pid == os.getpid():
            from raceway_autopatch import atexit_report

            run_dir, self._own_run = self._own_run, ""
            atexit_report.finish(run_dir)


class _Process:
    """The activation of this process; none, or one."""

    __slots__ = ("activation", "lock")

    def __init__(self) -> None:
        self.activation: _Activation | None = None
        self.lock = _thread.allocate_lock()  # not threading's: that one is to be patched


_process = _Process()


def install() -> None:
    """See :func:`raceway_autopatch.install`."""
    with _process.lock:
        if _process.activation is not None or not is_enabled():
            return
        started = _start_recording()
        if started is not None:
            _process.activation = _Activation(*started)
            _process.activation.begin()


def uninstall() -> None:
    """See :func:`raceway_autopatch.uninstall`."""
    with _process.lock:
        activation, _process.activation = _process.activation, None
        if activation is not None:
            activation.end()


def _start_recording() -> tuple[Any, str] | None:
    """Start the sink that the environment asks for.

    Returns:
        The recorder, and the run directory if this process will have to report; None if the run
        that this process was started in is over.
    """
    from raceway.record import recorder
    from raceway_autopatch import atexit_report

    run_dir = os.environ.get("RACEWAY_RUN_DIR", "")
    endpoint = os.environ.get("RACEWAY_ENDPOINT", "")
    if run_dir:
        if not os.path.isdir(run_dir):
            return None  # a daemon's child that outlives the run
        _begin(recorder, run_dir)
        return recorder, run_dir if atexit_report.is_owner() else ""
    if endpoint:
        from importlib import import_module

        import_module("raceway.pipeline.http_sink").start(
            endpoint, os.environ.get("RACEWAY_SERVICE", "")
        )
        return recorder, ""
    run_dir = atexit_report.begin()
    _begin(recorder, run_dir)
    return recorder, run_dir


def _begin(recorder: Any, run_dir: str) -> None:
    recorder.start(run_dir)
    # Write the log's beginning now: a process that does nothing worth recording, or is killed
    # before it does, is still known to have been there.
    recorder.current()
    recorder.flush()
