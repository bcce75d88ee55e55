"""``raceway report`` and ``raceway baseline``."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raceway.cli.commands import CommandError
from raceway.model.findings import SEVERITIES
from raceway.project import Unreadable, load
from raceway.record.oplog import PRESENCE_SUFFIX, SUFFIX
from raceway.report.excerpt import source_line
from raceway.report.files import write_report
from raceway.report.formats import report_format, shows_run
from raceway.report.reading import read_report
from raceway.report.terminal import terminal_options
from raceway.report.text import render_text
from raceway.triage.baseline import encode_baseline, read_baseline
from raceway.triage.verdict import judge, wanted
from raceway_autopatch.outcome import FAIL_STATUS, is_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raceway.model.findings import Report

HOW_TO_REPORT: Final = "raceway-run --report report.json python app.py"


def show(
    source: str,
    *,
    reports: Sequence[str] = (),
    fail_on: str = "",
    quiet: bool = False,
    verbose: bool = False,
    baseline: str = "",
    suppressions: str = "",
) -> int:
    """Show a report on stdout, and write it to files.

    Args:
        source: A JSON report, which is shown as it is, or the folder of a recording, which is
            analysed anew.
        reports: Files to write; the suffix names the format.
        fail_on: Severity from which on a finding makes the exit status 66.
        quiet: Print nothing.
        verbose: Print everything.
        baseline: A file with known findings.
        suppressions: A file with suppressions.

    Returns:
        The exit status.
    """
    for path in reports:
        try:
            report_format(path)
        except ValueError as error:
            raise CommandError(str(error)) from None
    _check(baseline, suppressions)
    if Path(source).is_dir():
        trace = any(map(shows_run, reports))
        report = _judged(_analysed(source, trace=trace), baseline, suppressions)
    else:
        report = load_report(source)
        if baseline or suppressions:
            report = _judged(_mixed(report), baseline, suppressions)
    if not quiet:
        color, width, unicode = terminal_options(sys.stdout, os.environ)
        sys.stdout.write(
            render_text(
                report,
                color=color,
                width=width,
                unicode=unicode,
                root=folder(),
                read_line=source_line,
                verbose=verbose,
            )
        )
    for path in reports:
        try:
            write_report(report, path)
        except ValueError as error:
            raise CommandError(f"{path}: {error}") from None
        except OSError as error:
            raise _cannot_write(path, error) from None
    return FAIL_STATUS if is_failure(report, fail_on) else 0


def write_baseline(source: str, output: str) -> int:
    """Write a baseline of all findings of a JSON report that are not suppressed."""
    report = load_report(source)
    text = encode_baseline(report)
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise _cannot_write(output, error) from None
    count = len({finding.fingerprint for finding in (*report.findings, *report.known)})
    noun = "finding" if count == 1 else "findings"
    sys.stdout.write(f"{output}: {count:,} {noun}; use it with raceway-run --baseline {output}\n")
    return 0


def load_report(path: str) -> Report:
    """Read a JSON report.

    Raises:
        CommandError: It cannot be read.
    """
    try:
        return read_report(path)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"{path}: cannot be read: {reason}; {HOW_TO_REPORT} makes a report"
        raise CommandError(message) from None
    except ValueError as error:
        message = f"{path}: cannot be shown: {error}; {HOW_TO_REPORT} makes a report"
        raise CommandError(message) from None


def folder() -> str:
    """Return the working directory, or an empty string if it was removed."""
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def _analysed(source: str, *, trace: bool) -> Report:
    from raceway.analysis import RunAnalysis

    logs = (path for kind in (SUFFIX, PRESENCE_SUFFIX) for path in Path(source).glob(f"*{kind}"))
    if next(logs, None) is None:
        message = (
            f"{source}: there is no recording in it:"
            " RACEWAY_KEEP_RUN=1 raceway-run python app.py makes one, and says where"
        )
        raise CommandError(message)
    report = RunAnalysis(source, trace=trace).finish()
    first = next((process.command for process in report.processes if process.command), "")
    return replace(report, command=tuple(first.split()))


def _mixed(report: Report) -> Report:
    """Take back what was decided about the findings."""
    found = (
        *report.findings,
        *report.known,
        *(replace(finding, suppressed=None) for finding in report.suppressed),
    )
    worst_first = sorted(found, key=lambda one: -SEVERITIES.index(one.severity))
    return replace(report, findings=tuple(worst_first), known=(), suppressed=(), remarks=())


def _judged(report: Report, baseline: str, suppressions: str) -> Report:
    return judge(report, wanted(suppressions, baseline), root=folder()).report


def _check(baseline: str, suppressions: str) -> None:
    try:
        if baseline:
            read_baseline(baseline)
        if suppressions:
            load(suppressions)
    except Unreadable as error:
        raise CommandError(str(error)) from None


def _cannot_write(path: str, error: OSError) -> CommandError:
    reason = error.strerror or str(error)
    return CommandError(f"{path}: cannot be written: {reason}; choose another file")
