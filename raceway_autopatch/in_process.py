"""A recording that the recorded process analyses itself, stretch by stretch: for tests.

The log is written and read back as in any run, so that forked processes belong to it.  In a process
that is recorded already, by ``raceway-run`` for example, the log of that run is read: each sees
everything, and neither disturbs the other.
"""

from __future__ import annotations

import _thread
import os
from typing import TYPE_CHECKING

from raceway.exceptions import RacewayError, UsageError
from raceway_autopatch import activation, options, rundir
from raceway_autopatch.watch_patterns import split

if TYPE_CHECKING:
    from raceway.model.findings import Report


class AnalysisIncomplete(RacewayError):  # noqa: N818 - reads as a sentence where it is told
    """The log has an end or a gap, so that nothing can be said about what came after it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the recording of this process is not complete: {reason}")


class InProcess:
    """The recording of this process; it begins at once.

    Args:
        patterns: What to watch by name, in place of ``RACEWAY_WATCH``.

    Raises:
        OSError: The directory for the log cannot be made.
        UsageError: The process sends what it records to a server, or is recorded already and was
            not told to watch these.

    Example:
        ``recording = InProcess()``, then for each test ``recording.begin()``, the test, and
        ``recording.report().findings``; ``recording.stop()`` at the end.
    """

    def __init__(self, patterns: tuple[str, ...] = ()) -> None:
        run_dir, self._is_own = activation.record_here(",".join(patterns))
        if not run_dir:
            raise UsageError(
                "this process sends what it records to a server (RACEWAY_ENDPOINT), so that it "
                "cannot be analysed here"
            )
        if not self._is_own and not set(split(os.environ.get("RACEWAY_WATCH", ""))) >= set(
            patterns
        ):
            raise UsageError(
                "this process is recorded already: give raceway-run --watch what is to be watched"
            )
        from raceway.analysis import RunAnalysis

        self._pid = os.getpid()
        keep = not self._is_own or rundir.is_kept()
        self._analysis = RunAnalysis(run_dir, keep=keep, pid=0 if self._is_own else self._pid)
        _ = self._analysis.hides  # read now: what is tested may go to another folder

    def begin(self) -> None:
        """Begin a stretch: what has happened until now is judged with nothing that follows."""
        self._catch_up()
        self._analysis.begin_afresh()

    def report(self) -> Report:
        """Analyse what was recorded since the beginning of this stretch, which goes on."""
        self._catch_up()
        return self._analysis.stretch()

    def stop(self) -> None:
        """Take every patch back, unless somebody else records; calling it again does nothing."""
        is_own, self._is_own = self._is_own, False
        if is_own and self._pid == os.getpid():
            activation.uninstall()

    def _catch_up(self) -> None:
        from raceway.record import recorder

        recorder.status.reader = _thread.get_ident()
        try:
            recorder.write_out()
            self._analysis.catch_up()
        finally:
            recorder.status.reader = 0
        if recorder.status.broken or not self._analysis.has_all_of(self._pid):
            raise AnalysisIncomplete(recorder.status.broken or "another analysis has removed it")


def is_enabled() -> bool:
    """Return whether the user has left Raceway on (``RACEWAY_ENABLED``)."""
    return activation.is_enabled()


def patterns(given: list[str], source: str) -> tuple[str, ...]:
    """Return what is to be watched by name: as given, or by the environment, or by the project.

    Args:
        given: The values of an option.
        source: What the option is called.

    Returns:
        Patterns, each of them once.

    Raises:
        UsageError: One of them means nothing.
    """
    try:
        return options.patterns(given, os.environ, source)
    except options.UsageError as error:  # of a command line
        raise UsageError(str(error)) from error
