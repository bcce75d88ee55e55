"""Sorts the findings of a report: what counts, what is known, what is suppressed.

What understands tables and baselines is imported where there are some: every run comes here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from raceway import project
from raceway.model.findings import Baseline, Suppression
from raceway.report.excerpt import shown_path, source_line
from raceway.triage.comments import comment_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from raceway.model.findings import Finding, Report
    from raceway.triage.tables import Table

    ReadLine = Callable[[str, int], str | None]


@dataclass(slots=True)
class Wanted:
    """What a project says about findings.

    Attributes:
        tables: Its suppressions.
        baseline: Path of its baseline, or an empty string.
        problems: What of that could not be understood, a sentence each.
    """

    tables: list[Table] = field(default_factory=list)
    baseline: str = ""
    problems: list[str] = field(default_factory=list)


class Verdict(NamedTuple):
    """A report with its findings sorted.

    Attributes:
        report: The report.
        problems: Those of its remarks that are about mistakes in files.
    """

    report: Report
    problems: tuple[str, ...]


def wanted(suppressions: str = "", baseline: str = "") -> Wanted:
    """Read what the project in the working directory says.

    Args:
        suppressions: A file that is read in place of ``raceway.toml``.
        baseline: A file that is read in place of the one that pyproject.toml names.
    """
    found = Wanted()
    path = project.nearest(project.PYPROJECT)
    text = _text(path)
    if "raceway" in text:  # else nothing in it is ours to complain about
        table = project.tool_table(_load(path, found))
        _add(found, table.get("suppress", []), path, text, "tool.raceway.suppress")
        named = table.get("baseline", "")
        if isinstance(named, str):
            found.baseline = os.path.join(os.path.dirname(path), named) if named else ""
        else:
            found.problems.append(
                f"{_shown(path)}: [tool.raceway] baseline = {named!r} is not usable:"
                " give the name of a file"
            )
    path = suppressions or project.nearest(project.OWN_FILE)
    if path:
        document = _load(path, found)
        found.problems += [
            f"{_shown(path)}: there is no key {key!r}: give [[suppress]]"
            for key in document
            if key != "suppress"
        ]
        _add(found, document.get("suppress", []), path, _text(path), "suppress")
    found.baseline = baseline or found.baseline
    return found


def judge(
    report: Report,
    project_says: Wanted,
    *,
    root: str,
    read_line: ReadLine = source_line,
    today: date | None = None,
) -> Verdict:
    """Sort the findings of a report.

    Args:
        report: What the analysis has found; nothing in it is sorted yet.
        project_says: Suppressions and baseline.
        root: The folder of the program.
        read_line: Returns a line of a source file, or None.
        today: The day on which it is made.
    """
    expired = [table for table in project_says.tables if table.has_expired(today)]
    valid = [table for table in project_says.tables if table not in expired]
    used: set[str] = set()
    problems = list(project_says.problems)
    suppressed: list[Finding] = []
    others: list[Finding] = []
    for finding in report.findings:
        comment, complaints = comment_on(finding, root, read_line)
        problems += complaints
        hits = [table for table in valid if table.selects(finding, root)]
        used.update(table.by for table in hits)
        by = comment or next((Suppression(table.reason, table.by) for table in hits), None)
        if by is None:
            others.append(finding)
        else:
            suppressed.append(replace(finding, suppressed=by))
    baseline, known = _baseline(project_says.baseline, report.findings, problems)
    problems = list(dict.fromkeys(problems))
    remarks = [
        *problems,
        *(f"{table.by}: suppression expired on {table.expires}: {table}" for table in expired),
        *(
            f"{table.by}: unused suppression, it matched nothing in this run: {table}"
            for table in valid
            if table.by not in used
        ),
    ]
    report = replace(
        report,
        findings=_own(finding for finding in others if finding.fingerprint not in known),
        known=_own(finding for finding in others if finding.fingerprint in known),
        suppressed=_own(suppressed),
        baseline=baseline,
        remarks=(*report.remarks, *remarks),
    )
    return Verdict(report, tuple(problems))


def _baseline(
    path: str, findings: Iterable[Finding], problems: list[str]
) -> tuple[Baseline | None, set[str]]:
    """Return the baseline and the fingerprints that it knows."""
    if not path:
        return None, set()
    from raceway.triage.baseline import read_baseline

    try:
        entries = read_baseline(path)
    except project.Unreadable as error:
        problems.append(str(error))
        return None, set()
    seen = {finding.fingerprint for finding in findings}
    absent = tuple(entry for entry in entries if entry.fingerprint not in seen)
    return Baseline(_shown(path), absent), {entry.fingerprint for entry in entries}


def _own(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Let each finding stand that refers to one which is not here; further ones refer to it."""
    result: list[Finding] = []
    heads: dict[str, str] = {}
    for finding in findings:
        head = heads.setdefault(finding.fingerprint, finding.id)
        result.append(replace(finding, same_as="" if head == finding.id else head))
    return tuple(result)


def _add(found: Wanted, suppress: object, path: str, text: str, header: str) -> None:
    if suppress == []:
        return
    from raceway.triage.tables import parse

    understood, problems = parse(suppress, _shown(path), text, header)
    found.tables += understood
    found.problems += problems


def _load(path: str, found: Wanted) -> dict[str, object]:
    try:
        return project.load(path)
    except project.Unreadable as error:
        found.problems.append(str(error))
        return {}


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace") if path else ""
    except OSError:
        return ""


def _shown(path: str) -> str:
    try:
        return shown_path(os.path.abspath(path), str(Path.cwd()))
    except OSError:  # the working directory was removed
        return path
