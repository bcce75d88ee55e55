"""Findings as annotations of GitHub Actions: workflow commands, one for each line of output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from raceway.report.sides import own_place
from raceway.report.terminal import clean
from raceway.report.words import predicted, same_code, title

if TYPE_CHECKING:
    from raceway.model.findings import Finding, Report

_COMMANDS: Final = {"critical": "error", "warning": "warning"}
_MOST: Final = 10
"""Of one step, GitHub shows no more of one level."""
_LONGEST: Final = 1000


def workflow_commands(report: Report, *, root: str) -> str:
    """Return the commands that annotate the worst findings, nothing for harmless ones.

    Args:
        report: What to show.
        root: The checkout: files below it are given relative to it, others not at all.
    """
    left = dict.fromkeys(_COMMANDS, _MOST)
    same = same_code(report.findings)
    lines: list[str] = []
    for finding in report.findings:
        if finding.same_as or not left.get(finding.severity):
            continue
        left[finding.severity] -= 1
        lines.append(_command(finding, same.get(finding.id, []), root))
    return "".join(lines)


def _command(finding: Finding, same: list[Finding], root: str) -> str:
    properties = {**_place(finding, root), "title": f"Raceway: {title(finding)}"}
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    sentences = [
        finding.message,
        predicted(finding),
        f"Why: {finding.why}" if finding.why else "",
        f"Fix: {finding.fix}" if finding.fix else "",
        f"The same code on other items: {', '.join(item.variable for item in same)}"
        if same
        else "",
    ]
    text = "%0A".join(_data(sentence) for sentence in sentences if sentence)
    return f"::{_COMMANDS[finding.severity]} {given}::{text}\n"


def _place(finding: Finding, root: str) -> dict[str, str]:
    if not finding.accesses or not root:
        return {}
    frame = own_place(finding.accesses[0], root)
    prefix = root.rstrip(os.sep) + os.sep
    if not frame.file.startswith(prefix) or frame.line < 1:
        return {}
    end = frame.end_line if frame.end_line and frame.end_line > frame.line else frame.line
    return {"file": frame.file[len(prefix) :], "line": str(frame.line), "endLine": str(end)}


def _data(text: str) -> str:
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return clean(shown, unicode=True).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
