"""The last lines of a report: how much was found, and how much was looked at.

"No races found" means little when nothing was looked at, so the line says what was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raceway.model.findings import SEVERITIES
from raceway.report.aside import set_aside
from raceway.report.page import Page, Piece

if TYPE_CHECKING:
    from raceway.model.findings import Report

HOW_TO_WATCH = 'raceway.watch(obj, name="...")'
_ENDS_SHOWN = 8


def write_summary(page: Page, report: Report) -> None:
    """Add the one line that sums up the report; never broken, so that it can be searched for."""
    counts = report.counts
    found = any(finding.severity != "info" for finding in report.findings)
    style = "bold" if found else "warning" if counts.dropped else "good"
    if report.findings:
        text = f"{_found(report)}{set_aside(report)}; {_watched(report)}"
    elif report.known or report.suppressed:
        text = f"no new races found{set_aside(report)}; {_watched(report)}"
    elif not counts.processes:
        text, style = _not_instrumented(page, report), "warning"
    elif not counts.objects:
        text, style = _watched(report), "warning"
    else:
        text = f"no races found; {_watched(report)}"
    page.line(Piece(f"raceway: {text}", style))
    if counts.internal_errors:
        # On a line of its own: it makes the result doubtful, so it may not hide in a note.
        first = f" (first: {page.name(report.first_error, 300)})" if report.first_error else ""
        errors = number(counts.internal_errors, "internal error")
        page.line(Piece(f"raceway: {errors}{first}; please report this", "warning"))


def write_ends(page: Page, report: Report, *, verbose: bool) -> None:
    """Add which processes may have done more than is known; each a line that is never broken.

    Args:
        page: Where to write.
        report: What to show.
        verbose: Whether to name also those that somebody has stopped by SIGTERM, as pools do.
    """
    cut = [
        process
        for process in report.processes
        if not process.is_complete and (verbose or process.ended != "killed by SIGTERM")
    ]
    for process in cut[:_ENDS_SHOWN]:
        who = process.name or process.command
        text = f"process {process.pid}" + (f" ({page.name(who, 60)})" if who else "")
        page.line(Piece(f"raceway: {text} {_end(process.ended)}", "warning"))
    if len(cut) > _ENDS_SHOWN:
        text = f"{len(cut) - _ENDS_SHOWN:,} more processes have not written the end of their logs"
        page.line(Piece(f"raceway: {text}", "warning"))


def _end(ended: str) -> str:
    if ended == "running":
        return "is still running; what it does from now on is not in this report"
    what, _, reason = ended.partition(": ")
    if what == "not analysed":
        text = f"about {reason} operations were left out when the analysis was interrupted"
        return f"was not analysed to its end: {text}"
    if what == "lost":
        return f"could not write its log to the end ({reason}); its last ops are missing"
    if ended.startswith("killed"):
        return f"was {ended}; its last ops may be missing"
    if ended.startswith("status"):
        return f"ended with {ended}, but not its log; its last ops may be missing"
    return "was killed, or could not write its log any more; its last ops may be missing"


def write_notes(page: Page, report: Report) -> None:
    """Add what could not be seen."""
    for note in report.notes:
        label = "raceway: " if note.lower().startswith("not seen") else "raceway: not seen: "
        page.paragraph(note, indent=0, label=label)


def summary_lines(report: Report) -> list[str]:
    """Return the line that sums up, and those about errors and ends, for other formats."""
    page = _endless()
    write_summary(page, report)
    write_ends(page, report, verbose=True)
    return [line.removeprefix("raceway: ") for line in page.text().splitlines()]


def note_lines(report: Report) -> list[str]:
    """Return what could not be seen, for other formats."""
    page = _endless()
    write_notes(page, report)
    lines = page.text().splitlines()
    return [line.removeprefix("raceway: ").removeprefix("not seen: ") for line in lines]


def _endless() -> Page:
    return Page(color=False, width=1 << 20, unicode=True)


def number(count: int, noun: str) -> str:
    """Return the count with its noun: ``1 lock``, ``5,204 accesses``."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{count:,} {noun if count == 1 else plural}"


def _found(report: Report) -> str:
    severities = [finding.severity for finding in report.findings]
    parts = []
    for severity in reversed(SEVERITIES):
        count = severities.count(severity)
        if count:
            noun = number(count, severity) if severity == "warning" else f"{count:,} {severity}"
            parts.append(noun)
    return f"{number(len(severities), 'finding')} ({', '.join(parts)})"


def _watched(report: Report) -> str:
    counts = report.counts
    if counts.objects:
        text = (
            f"watched {number(counts.objects, 'object')}: {number(counts.accesses, 'access')}"
            f" to {number(counts.variables, 'variable')}, {number(counts.locks, 'lock')},"
            f" {number(counts.actors, 'actor')} in {number(counts.processes, 'process')}"
        )
    elif counts.locks:
        inversions = any(f.type == "lock-order-inversion" for f in report.findings)
        result = "" if inversions else ", no inversion"
        text = (
            "nothing was watched, so only lock order was checked"
            f" ({number(counts.locks, 'lock')}{result}); to watch: {HOW_TO_WATCH}"
        )
    else:
        text = f"nothing was watched, so no race could be found; to watch: {HOW_TO_WATCH}"
    if counts.dropped:  # as above
        text += f"; {number(counts.dropped, 'event')} dropped"
    return text


def _not_instrumented(page: Page, report: Report) -> str:
    command = page.name(report.command[0], 60) if report.command else "the command"
    return (
        f"nothing was recorded: {command} runs an interpreter that has no raceway installed or was"
        " started with -I, -E or -S, or is no Python program"
    )
