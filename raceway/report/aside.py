"""What a report says of findings that it does not show: those that are known, or suppressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raceway.report.page import Page, Piece

if TYPE_CHECKING:
    from raceway.model.findings import Report


def set_aside(report: Report) -> str:
    """Say in the summary how many there are; nothing if there are none."""
    counts = ((len(report.known), "known"), (len(report.suppressed), "suppressed"))
    return "".join(f", {count:,} {what}" for count, what in counts if count)


def write_aside(page: Page, report: Report, *, verbose: bool) -> None:
    """Add the lines about baseline and suppressions.

    Args:
        page: Where to write.
        report: What to show.
        verbose: Whether to name also what the baseline knows and was not seen, and what is
            suppressed.
    """
    baseline = report.baseline
    if baseline is not None:
        count = len({finding.fingerprint for finding in report.known})
        noun = "known finding" if count == 1 else "known findings"
        _line(page, f"{count:,} {noun} (baseline {page.name(baseline.file, 200)})")
        for known in baseline.absent if verbose else ():
            what = " ".join(text for text in (known.type, known.variable) if text)
            _line(page, f"not seen any more: {known.fingerprint} {page.name(what, 200)}")
    for finding in report.suppressed if verbose else ():
        subject = finding.variable or ", ".join(lock.name for lock in finding.locks)
        by = finding.suppressed
        why = f" ({by.by}: {by.reason})" if by else ""
        _line(page, f"suppressed: {finding.type} {page.name(subject, 80)} {finding.id}{why}")
    for remark in report.remarks:
        page.line(Piece(f"raceway: {remark}", "warning"))


def _line(page: Page, text: str) -> None:
    page.line(Piece(f"raceway: {text}", "dim"))
