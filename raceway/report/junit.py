"""The report as JUnit XML: what shows the results of tests shows findings as failed tests.

A finding is a test case that fails, named by its fingerprint, so that its history can be followed.
A type of which nothing was found is a case that passes: readers take an empty file for an error.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from raceway import __version__
from raceway.report.excerpt import shown_path, source_line
from raceway.report.rules import RULES
from raceway.report.sides import own_place
from raceway.report.summary import note_lines, summary_lines
from raceway.report.terminal import clean
from raceway.report.text import render_finding
from raceway.report.words import same_code, title

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Finding, Report

    ReadLine = Callable[[str, int], str | None]

_SUITE: Final = "raceway"


def render_junit(report: Report, *, root: str, read_line: ReadLine = source_line) -> str:
    """Render the report as a test suite.

    Args:
        report: What to show.
        root: Folder to which paths below it are shown relative, or an empty string.
        read_line: Returns a line of a source file, or None.
    """
    own = [finding for finding in report.findings if not finding.same_as]
    same = same_code(report.findings)
    cases = [_case(finding, same.get(finding.id, []), report, root, read_line) for finding in own]
    found = {finding.type for finding in own}
    cases += [
        f'<testcase classname="{_SUITE}.{rule.type}" name="no {rule.title}" time="0"/>\n'
        for rule in RULES
        if rule.type not in found
    ]
    failures = sum(_fails(finding) for finding in own)
    errors = report.counts.internal_errors
    first, *others = summary_lines(report)
    if errors:
        cases.append(
            f'<testcase classname="{_SUITE}" name="analysis" time="0">\n'
            f'<error message="{_text(others[0])}" type="InternalError"/>\n</testcase>\n'
        )
    counts = f'tests="{len(cases)}" failures="{failures}" errors="{int(bool(errors))}" time="0"'
    told = "\n".join(_text(line) for line in (first, *others, *note_lines(report)))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<testsuites name="{_SUITE}" {counts}>\n<testsuite name="{_SUITE}" {counts}>\n'
        f'<properties>\n<property name="version" value="{_text(__version__)}"/>\n'
        f'<property name="command" value="{_text(" ".join(report.command))}"/>\n</properties>\n'
        f"{''.join(cases)}<system-out>{told}\n</system-out>\n</testsuite>\n</testsuites>\n"
    )


def _fails(finding: Finding) -> bool:
    return finding.severity != "info"


def _case(
    finding: Finding, same: list[Finding], report: Report, root: str, read_line: ReadLine
) -> str:
    where = ""
    if finding.accesses:
        frame = own_place(finding.accesses[0], root)
        where = f' file="{_text(shown_path(frame.file, root))}" line="{max(0, frame.line)}"'
    body = render_finding(finding, report, root=root, read_line=read_line)
    body += "".join(f"  also {item.variable} ({item.id})\n" for item in same)

    text = "\n".join(map(_text, body.split("\n"))).rstrip("\n")
    if _fails(finding):
        message = f"{finding.severity}, {finding.certainty}: {finding.message}"
        inside = f'<failure message="{_text(message)}" type="{finding.type}">{text}\n</failure>'
    else:
        inside = f"<system-out>{text}\n</system-out>"
    return (
        f'<testcase classname="{_SUITE}.{finding.type}" name="{_text(title(finding))}"{where}'
        f' time="0">\n{inside}\n</testcase>\n'
    )


def _text(text: str) -> str:
    """Make a text harmless; what XML cannot hold at all is not printable, and is replaced."""
    return escape(clean(text, unicode=True))
