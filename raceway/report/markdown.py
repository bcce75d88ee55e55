"""The report as Markdown, for the summary of a build and for comments on a change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from raceway.report.excerpt import shown_path, source_line
from raceway.report.rules import rule_of
from raceway.report.sides import own_place
from raceway.report.summary import note_lines, number, summary_lines
from raceway.report.terminal import clean
from raceway.report.text import render_finding
from raceway.report.words import subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Finding, Report

_MOST_ROWS: Final = 100
_MOST_DETAILS: Final = 20
_MOST_CHARACTERS: Final = 20_000
"""Of the details of one finding: a summary on GitHub may have a megabyte."""
_LONGEST: Final = 300
_PUNCTUATION: Final = re.compile(r"[!-'*+/:<-@\[-`{-~]|\.(?=\w)")
"""What can begin markup; the rest is left, so that it can be read as it is, too."""


def render_markdown(
    report: Report, *, root: str, read_line: Callable[[str, int], str | None] = source_line
) -> str:
    """Render a table of the findings, and the details of the first ones.

    Args:
        report: What to show.
        root: Folder to which paths below it are shown relative, or an empty string.
        read_line: Returns a line of a source file, or None.
    """
    first, *others = summary_lines(report)
    parts = [f"## Raceway\n\n{_plain(first)}\n", *(f"\n{_plain(line)}\n" for line in others)]
    if report.findings:
        parts.append("\n| severity | finding | of | place | |\n|---|---|---|---|---|\n")
        parts += (_row(finding, root) for finding in report.findings[:_MOST_ROWS])
        if len(report.findings) > _MOST_ROWS:
            parts.append(f"\n{number(len(report.findings) - _MOST_ROWS, 'more finding')}\n")
    own = [finding for finding in report.findings if not finding.same_as]
    for finding in own[:_MOST_DETAILS]:
        body = render_finding(finding, report, root=root, read_line=read_line)
        parts.append(
            f"\n<details><summary>{rule_of(finding).title} {_code(subject(finding))},"
            f" {_plain(finding.id)}</summary>\n\n{_block(body[:_MOST_CHARACTERS])}\n</details>\n"
        )
    notes = [f"- {_plain(line)}\n" for line in note_lines(report)]
    if notes:
        parts += ["\nNot seen:\n\n", *notes]
    return "".join(parts)


def _row(finding: Finding, root: str) -> str:
    place = ""
    if finding.accesses:
        frame = own_place(finding.accesses[0], root)
        place = _code(f"{shown_path(frame.file, root)}:{frame.line}")
    cells = (
        finding.severity,
        rule_of(finding).title,
        _code(subject(finding)),
        place,
        f"{_plain(finding.id)} {finding.certainty}",
    )
    return f"| {' | '.join(cells)} |\n"


def _plain(text: str) -> str:
    """Return text in which nothing is markup: references to characters are none."""
    shown = clean(text if len(text) <= _LONGEST else text[:_LONGEST] + "…", unicode=True)
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", shown)


def _code(text: str) -> str:
    return f"<code>{_plain(text)}</code>" if text else ""


def _block(text: str) -> str:
    """Return a fenced block; its fence is longer than any that is quoted."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}\n"
