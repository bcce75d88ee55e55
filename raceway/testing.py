"""Races as the result of a test, with any framework.

With pytest, ``pytest --raceway`` does all of this without a change to the tests.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from raceway.model.findings import Report
from raceway_autopatch import in_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from raceway.model.findings import Finding
    from raceway_autopatch.in_process import InProcess

__all__ = ["Captured", "capture", "prepare", "report_text"]


class Captured:
    """What :func:`capture` has recorded.

    Inside of the ``with`` block each look at it analyses what was recorded so far.
    """

    def __init__(self, recording: InProcess | None) -> None:
        self._recording = recording
        self._report = Report()

    @property
    def report(self) -> Report:
        """The findings, and what was looked at."""
        if self._recording is not None:
            self._report = self._recording.report()
        return self._report

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, worst first, without what is harmless (severity ``info``)."""
        return tuple(one for one in self.report.findings if one.severity != "info")

    def text(self) -> str:
        """Return the report as text: for the message of a failure."""
        return report_text(self.report)

    def _end(self) -> None:
        try:
            self._report = self.report
        finally:
            self._recording = None


_prepared: list[InProcess] = []
"""At most one: what :func:`prepare` has begun, while no :func:`capture` uses it."""


def prepare() -> None:
    """Begin to record now, until the process ends, so that locks made from here on are seen.

    Call it as early as possible, before the modules under test are imported.  Nothing is reported
    but by :func:`capture`, which is faster then.  With ``RACEWAY_ENABLED=0`` nothing is recorded.

    Raises:
        UsageError: The process sends what it records to a server.
    """
    if in_process.is_enabled() and not _prepared:
        _prepared.append(in_process.InProcess())


@contextmanager
def capture() -> Iterator[Captured]:
    """Record what is done inside the ``with`` block, and find its races when it is left.

    What is watched has to be watched inside of the block, and locks that were made before it are
    not seen, unless the process is recorded already: by :func:`prepare` or by ``raceway-run``.
    With ``RACEWAY_ENABLED=0`` nothing is recorded.

    Yields:
        What is found.

    Raises:
        UsageError: The process sends what it records to a server.

    Example:
        ::

            with raceway.testing.capture() as run:
                bank.transfer_from_two_threads()
            assert not run.findings, run.text()
    """
    if not in_process.is_enabled():
        yield Captured(None)
        return
    prepared = _prepared.pop() if _prepared else None
    recording = prepared or in_process.InProcess()
    run = Captured(recording)
    try:
        recording.begin()
        try:
            yield run
        finally:
            run._end()  # noqa: SLF001 - the class is in this file
    finally:
        if prepared is None:
            recording.stop()
        else:
            _prepared.append(prepared)


def report_text(report: Report, *, root: str = "", width: int = 100) -> str:
    """Return a report as text without colours.

    Args:
        report: What to show.
        root: Folder to which paths below it are shown relative; the working directory by default.
        width: Columns.
    """
    from raceway.report.excerpt import source_line
    from raceway.report.text import render_text

    if not root:
        with suppress(OSError):  # it was removed
            root = os.getcwd()
    return render_text(
        report,
        color=False,
        width=width,
        unicode=True,
        root=root,
        read_line=source_line,
    )
