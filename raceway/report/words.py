"""What a report says of a finding, whatever it looks like; nothing here is cleaned or shortened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raceway.report.rules import rule_of
from raceway.report.sides import inverted, is_lock_order
from raceway.report.values import value_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raceway.model.findings import Access, Finding, Report
    from raceway.report.sides import Block

_PREDICTED: Final = (
    "Predicted: in this run, the order in which a lock happened to be taken kept it from happening."
    " Nothing guarantees that order."
)
_PREDICTED_DEADLOCK: Final = (
    "Predicted: no deadlock happened in this run. Another timing can cause it."
)
_PAST: Final = {"read": "read", "write": "wrote"}
_VALUE_ACTIONS: Final = ("read", "write")


def subject(finding: Finding) -> str:
    """Name what the finding is about: a variable, or the locks of an inversion."""
    return finding.variable or ", ".join(lock.name for lock in finding.locks)


def title(finding: Finding) -> str:
    """Name a finding in one line: what it is, of what, and its fingerprint."""
    return f"{rule_of(finding).title} {subject(finding)} ({finding.id})"


def same_code(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return, by fingerprint, the findings that are the same code on another item."""
    same: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.same_as:
            same.setdefault(finding.same_as, []).append(finding)
    return same


def predicted(finding: Finding) -> str:
    """Say what kept a predicted finding from happening; nothing of one that was observed."""
    if finding.certainty != "predicted":
        return ""
    return _PREDICTED_DEADLOCK if is_lock_order(finding) else _PREDICTED


def seen(finding: Finding, report: Report) -> str:
    """Say how often it was seen, and in which process if there are several."""
    times = "once" if finding.count == 1 else f"{finding.count:,} times"
    if report.counts.processes > 1 and finding.process and not finding.same_as:
        times += f", in process {finding.process}"
    return times


def deed(finding: Finding, access: Access, column: int) -> tuple[str, str]:
    """Say what an actor did to which lock of an inversion."""
    held, wanted = inverted(finding)[column]
    return ("wanted", wanted) if access.role == "inner" else ("took", held)


def note(finding: Finding, access: Access, block: Block) -> str:
    """Say beside a line of code what happened there; nothing where the heading has said it."""
    if is_lock_order(finding):
        return " ".join(deed(finding, access, block.column))
    what = _PAST.get(access.operation or access.access, access.operation)
    if access.has_value:
        return f"{what} {value_text(access.value, 24)}"
    return what if len(block.accesses) > 1 else ""


def notes(finding: Finding, block: Block) -> dict[int, str]:
    """Return the notes of a block by line number, in the order of the accesses."""
    found: dict[int, str] = {}
    for access in block.accesses:
        told = note(finding, access, block)
        line = access.stack[0].line if access.stack else 0
        if told:
            found[line] = f"{found[line]}, then {told}" if line in found else told
    return found


def pauses(finding: Finding, block: Block) -> dict[int, str]:
    """Return the notes beside lines on which nothing was accessed, but others were let in."""
    if block.column or len(block.accesses) < 2:
        return {}
    return {
        step.line: "other tasks can run here"
        for step in finding.steps
        if step.action == "await" and step.line
    }


def values_after(finding: Finding) -> list[str]:
    """Return the variable's value after each step; nothing at all if none is known."""
    if is_lock_order(finding):
        return []
    values: list[str] = []
    current = ""
    for step in finding.steps:
        if step.action in _VALUE_ACTIONS:
            # After a write of something unknown, the old value would be a lie.
            current = step.detail or (current if step.action == "read" else "")
        values.append(current)
    return values if any(values) else []


def lost_value(finding: Finding, values: list[str]) -> tuple[str, int]:
    """Return the value that the last write overwrote without anybody having read it, and its step.

    The steps are those for which there are values; the number of the step counts from 0.
    """
    steps = finding.steps[: len(values)]
    rows = [row for row, step in enumerate(steps) if step.action in _VALUE_ACTIONS]
    if finding.type != "atomicity-violation" or len(rows) <= 1:
        return "", 0
    before, last = rows[-2:]
    writes = steps[before].action == steps[last].action == "write"
    if not writes or steps[before].actor == steps[last].actor:
        return "", 0
    return (values[before], last) if values[before] and values[last] else ("", 0)
