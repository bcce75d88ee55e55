"""``raceway explain``: everything about one finding, or about one type."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raceway.cli.commands import CommandError
from raceway.cli.explanations import EXPLANATIONS
from raceway.cli.reports import HOW_TO_REPORT, folder, load_report
from raceway.report.document import SCHEMA
from raceway.report.excerpt import source_line
from raceway.report.page import Page, Piece
from raceway.report.terminal import terminal_options
from raceway.report.text import write_finding

if TYPE_CHECKING:
    from typing import TextIO

    from raceway.model.findings import Finding, Report

_HEAD: Final = 200
"""Bytes of a file in which a report says that it is one."""


def explain(what: str, path: str | None, stream: TextIO) -> int:
    """Explain a finding or a type of findings.

    Args:
        what: The beginning of a fingerprint, with or without ``RW-``, or a type.
        path: The report; the newest one of the working directory by default.
        stream: Where to write.

    Returns:
        The exit status.

    Raises:
        CommandError: There is no such finding or type.
    """
    if what in EXPLANATIONS:
        stream.write(EXPLANATIONS[what])
        return 0
    if path is None:
        path = _newest_report(what)
        stream.write(f"raceway: from {path}\n\n")
    report = load_report(path)
    finding = _find(what, report, path)
    color, width, unicode = terminal_options(stream, os.environ)
    page = Page(color=color, width=width, unicode=unicode)
    write_finding(page, finding, report, root=folder(), read_line=source_line)
    _write_state(page, finding, report)
    page.blank()
    stream.write(page.text() + EXPLANATIONS[finding.type])
    return 0


def _find(what: str, report: Report, path: str) -> Finding:
    found = (*report.findings, *report.known, *report.suppressed)
    wanted = "RW-" + what.upper().removeprefix("RW-").lower()
    hits = [finding for finding in found if finding.id.startswith(wanted)]
    exact = [finding for finding in hits if finding.id == wanted]
    fingerprints = dict.fromkeys(finding.fingerprint for finding in hits)
    if exact or len(fingerprints) == 1:
        return (exact or hits)[0]
    if hits:
        raise CommandError(f"{what!r} can be {_or(list(fingerprints))}: give more of it")
    ids = list(dict.fromkeys(finding.fingerprint for finding in found))
    there = f"there are {', '.join(ids)}" if ids else "there are none at all"
    raise CommandError(
        f"{path} has no finding {what!r}: {there}; types are {', '.join(EXPLANATIONS)}"
    )


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _newest_report(what: str) -> str:
    reports = [path for path in Path().glob("*.json") if _is_report(path)]
    if not reports:
        raise CommandError(
            f"there is no report in this folder that could have {what!r}:"
            f" give its name behind it, or make one: {HOW_TO_REPORT}"
        )
    return str(max(reports, key=lambda path: path.stat().st_mtime_ns))


def _is_report(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return f'"{SCHEMA}"'.encode() in file.read(_HEAD)
    except OSError:
        return False


def _write_state(page: Page, finding: Finding, report: Report) -> None:
    if finding.suppressed is not None:
        by = finding.suppressed
        page.flow(Piece(f"suppressed by {by.by}: {by.reason}", "dim"), indent=2)
    elif finding in report.known and report.baseline is not None:
        page.flow(Piece(f"known by the baseline {report.baseline.file}", "dim"), indent=2)
    else:
        page.blank()
        page.line(Piece("  To suppress it, with a reason, in pyproject.toml:", "dim"))
        page.blank()
        page.line(Piece("      [[tool.raceway.suppress]]"))
        page.line(Piece(f'      fingerprint = "{finding.fingerprint}"'))
        page.line(Piece('      reason = "why it does no harm"'))
