"""The end of a run: analyse, say what was found, decide whether it fails.

An error of ours here says so in one line and changes nothing else: the program has done its work.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

from raceway_autopatch.rundir import is_kept, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raceway.model.findings import Report

GITHUB = "github"
"""In the place of a file's name: annotations and the summary of a step of GitHub Actions."""
FAIL_STATUS = 66
"""Exit status when ``--fail-on`` is met."""


class Analysis(Protocol):
    """What reads the recording of a run (:class:`raceway.analysis.RunAnalysis`)."""

    def step(self) -> object:
        """Read and analyse what has been recorded since the last step."""

    def is_busy(self) -> bool:
        """Return whether a process of the run is still recording."""

    def catch_up(self, go_on: Callable[[Callable[[], int]], bool] | None) -> None:
        """Analyse all that is there, as long as ``go_on`` returns True, given what is left."""

    def finish(
        self, command: tuple[str, ...], exit_status: int | None, reaped: Mapping[int, int]
    ) -> Report:
        """Read the rest and return the report."""


class Wishes(NamedTuple):
    """What the user wants to get at the end of a run.

    Attributes:
        reports: Absolute paths of report files, whose suffix names the format; or ``github``.
        fail_on: Severity from which on a finding makes the exit status 66, or an empty string.
        quiet: No text on stderr but about errors.
        verbose: Everything on stderr, also tracebacks of our own errors.
        suppressions: A file with suppressions, or an empty string.
        baseline: A file with known findings, or an empty string.
        endpoint: A Raceway server that is told of findings, or an empty string.
        service: What it knows the program as; an empty string for the default.
    """

    reports: tuple[str, ...] = ()
    fail_on: str = ""
    quiet: bool = False
    verbose: bool = False
    suppressions: str = ""
    baseline: str = ""
    endpoint: str = ""
    service: str = ""


def analysis_of(run_dir: str, reports: tuple[str, ...] = ()) -> Analysis:
    """Begin the analysis of a run directory, for reports of these names."""
    from raceway.analysis import RunAnalysis
    from raceway.report.formats import shows_run

    return RunAnalysis(run_dir, keep=is_kept(), trace=any(map(shows_run, reports)))


def deliver(report: Report, wishes: Wishes) -> bool:
    """Write the report everywhere it is wanted.

    Returns:
        Whether ``fail_on`` is met.
    """
    report = judged(report, wishes)
    if not wishes.quiet:
        _guarded("printing the report", wishes, _print, report, wishes)
    for path in wishes.reports:
        if path != GITHUB:
            _guarded(f"writing {path}", wishes, _write, report, path)
    if wishes.endpoint:
        _guarded("sending the findings", wishes, _send, report, wishes)
    in_a_step = os.environ.get("GITHUB_ACTIONS") == "true" and not wishes.quiet
    if GITHUB in wishes.reports or in_a_step:
        _guarded("annotating", wishes, _annotate, report, wishes)
    return is_failure(report, wishes.fail_on)


def judged(report: Report, wishes: Wishes) -> Report:
    """Sort out what is suppressed or known; if that fails, everything counts."""
    try:
        from raceway.triage.verdict import judge, wanted

        said = wanted(wishes.suppressions, wishes.baseline)
        verdict = judge(report, said, root=_folder())
    except (Exception, SystemExit) as error:
        complain("reading suppressions", error, verbose=wishes.verbose)
        return report
    if wishes.quiet:  # mistakes are told all the same: they can decide whether the run fails
        say("".join(f"raceway: {problem}\n" for problem in verdict.problems))
    return verdict.report


def is_failure(report: Report, fail_on: str) -> bool:
    """Return whether a finding is at least as bad as ``fail_on``."""
    from raceway.model.findings import SEVERITIES

    if not fail_on:
        return False
    worst = max((SEVERITIES.index(finding.severity) for finding in report.findings), default=-1)
    return worst >= SEVERITIES.index(fail_on)


def complain(what: str, error: BaseException, *, verbose: bool) -> None:
    """Say in one line that something of ours has failed; with ``verbose`` also where."""
    reason = f"{type(error).__name__}: {error}".replace("\n", " ")
    say(f"raceway: {what} failed: {reason}; please report this\n")
    if verbose:
        import traceback

        say("".join(traceback.format_exception(error)))


def _guarded(what: str, wishes: Wishes, action: Callable[..., None], *args: object) -> None:
    try:
        action(*args)
    except (Exception, SystemExit) as error:
        complain(what, error, verbose=wishes.verbose)


def _print(report: Report, wishes: Wishes) -> None:
    from raceway.report.excerpt import source_line
    from raceway.report.terminal import terminal_options
    from raceway.report.text import render_text

    color, width, unicode = terminal_options(sys.stderr, os.environ)
    say(
        render_text(
            report,
            color=color,
            width=width,
            unicode=unicode,
            root=_folder(),
            read_line=source_line,
            verbose=wishes.verbose,
        )
    )
    if not wishes.verbose and all(finding.severity == "info" for finding in report.findings):
        # The text leaves out the notes then, but "no races" is said of what was chosen.
        from raceway.record.chosen import is_sentence

        for note in filter(is_sentence, report.notes):
            say(f"raceway: not seen: {note}\n")


def _send(report: Report, wishes: Wishes) -> None:
    """Tell a server of the findings: one that analyses by itself knows them by their name."""
    if not report.findings:
        return
    from raceway.client import RacewayClient
    from raceway.config import Config
    from raceway.report.document import FINDING_EVENT, finding_document

    given = {"service_name": wishes.service} if wishes.service else {}
    client = RacewayClient(Config.load(endpoint=wishes.endpoint, **given))
    client.start_trace()
    for finding in report.findings:
        client.track_custom(FINDING_EVENT, finding_document(finding))
    client.end_trace()
    client.shutdown()


def _annotate(report: Report, wishes: Wishes) -> None:
    """Tell GitHub Actions: it reads commands on stderr too, and stdout belongs to the program."""
    from raceway.report.github import workflow_commands
    from raceway.report.markdown import render_markdown

    root = os.environ.get("GITHUB_WORKSPACE") or _folder()
    commands = workflow_commands(report, root=root)
    if commands:
        # A command begins a line, whatever the program has left behind.
        say("\n" + commands if wishes.quiet else commands)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and report.findings:
        with open(summary, "a", encoding="utf-8") as stream:
            stream.write(render_markdown(report, root=root) + "\n")


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


def _write(report: Report, path: str) -> None:
    """Write a report file; when that fails now, into another one, so that nothing is lost."""
    from raceway.report.files import write_report

    try:
        write_report(report, path)
    except OSError as error:
        import tempfile

        suffix = os.path.splitext(path)[1]
        descriptor, instead = tempfile.mkstemp(prefix="raceway-report-", suffix=suffix)
        os.close(descriptor)
        write_report(report, instead)
        reason = error.strerror or str(error)
        say(f"raceway: cannot write the report to {path}: {reason}; it is in {instead}\n")
