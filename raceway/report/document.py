"""The report as a JSON document: the format that every other tool reads.

Programs rely on it, so keys are only ever added; a change of meaning takes a new schema name.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from raceway import __version__
from raceway.report.sides import columns, labels, own_place
from raceway.report.values import json_text, json_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from raceway.model.findings import (
        Access,
        Actor,
        Baseline,
        Finding,
        Frame,
        LockRef,
        Report,
        Suppression,
    )

SCHEMA: Final = "raceway-report/1"
FINDING_EVENT: Final = "raceway.finding"
"""Name of the Custom event that tells a server of a finding; its data is a finding as in here."""

JsonObject = dict[str, Any]


def report_document(report: Report) -> JsonObject:
    """Return the report as a value of plain JSON types, whatever odd values it holds."""
    counts = report.counts
    return {
        "schema": SCHEMA,
        "version": __version__,
        "command": [json_text(word) for word in report.command],
        "exit_status": report.exit_status,
        "counts": {field.name: getattr(counts, field.name) for field in fields(counts)},
        "first_error": json_text(report.first_error),
        "notes": [json_text(note) for note in report.notes],
        "processes": [
            {
                "pid": process.pid,
                "name": json_text(process.name),
                "command": json_text(process.command),
                "ops": process.ops,
                "ended": json_text(process.ended),
            }
            for process in report.processes
        ],
        "findings": [
            *(finding_document(finding) for finding in report.findings),
            *(finding_document(finding, known=True) for finding in report.known),
            *(finding_document(finding) for finding in report.suppressed),
        ],
        "baseline": _baseline(report.baseline),
        "lock_waits": [
            {
                **_locks((wait.lock,))[0],
                "count": wait.count,
                "total_ns": wait.total,
                "longest_ns": wait.longest,
            }
            for wait in report.waits
        ],
        "remarks": [json_text(remark) for remark in report.remarks],
    }


def encode_document(document: JsonObject) -> str:
    """Encode the document as ASCII, which any reader decodes right, ended with a newline."""
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=2) + "\n"


def finding_document(finding: Finding, *, known: bool = False) -> JsonObject:
    """Return one finding as a value of plain JSON types.

    Args:
        finding: The finding.
        known: Whether a baseline knows it.
    """
    names = labels(finding)
    numbers = columns(finding)
    return {
        "id": json_text(finding.id),
        "type": finding.type,
        "severity": finding.severity,
        "certainty": finding.certainty,
        "variable": json_text(finding.variable),
        "message": json_text(finding.message),
        "why": json_text(finding.why),
        "fix": json_text(finding.fix),
        "count": finding.count,
        "same_as": finding.same_as or None,
        "known": known,
        "suppressed": _suppression(finding.suppressed),
        "process": finding.process,
        "locks": _locks(finding.locks),
        "accesses": [
            _access(access, number)
            for access, number in zip(finding.accesses, numbers, strict=True)
        ],
        "steps": [
            {
                "actor": step.actor,
                "name": json_text(names[step.actor]) if 0 <= step.actor < len(names) else "",
                "action": json_text(step.action),
                "line": step.line,
                "detail": json_text(step.detail),
            }
            for step in finding.steps
        ],
    }


def _suppression(by: Suppression | None) -> JsonObject | None:
    if by is None:
        return None
    return {"reason": json_text(by.reason), "by": json_text(by.by)}


def _baseline(baseline: Baseline | None) -> JsonObject | None:
    if baseline is None:
        return None
    absent = [
        {field.name: json_text(getattr(known, field.name)) for field in fields(known)}
        for known in baseline.absent
    ]
    return {"file": json_text(baseline.file), "absent": absent}


def _access(access: Access, number: int) -> JsonObject:
    where = own_place(access, "")  # what a library does is in the stack
    document: JsonObject = {
        "access": access.access,
        "operation": json_text(access.operation),
        "role": access.role,
        "actor": json_text(access.actor.name),
        "actor_kind": json_text(access.actor.kind),
        "actor_number": number,
        "process": access.actor.process,
        "started_by": _start(access.actor),
        "location": json_text(where.location),
        "function": json_text(where.function),
        "stack": _stack(access.stack),
        "locks": _locks(access.locks),
    }
    if access.has_value:
        document["value"] = json_value(access.value)
    return document


def _start(actor: Actor) -> JsonObject | None:
    if not actor.started_by and not actor.started_at:
        return None
    return {"actor": json_text(actor.started_by), "stack": _stack(actor.started_at)}


def _stack(stack: Iterable[Frame]) -> list[JsonObject]:
    return [
        {"location": json_text(frame.location), "function": json_text(frame.function)}
        for frame in stack
    ]


def _locks(locks: Iterable[LockRef]) -> list[JsonObject]:
    return [
        {
            "name": json_text(lock.name),
            "kind": json_text(lock.kind),
            "location": json_text(lock.location),
        }
        for lock in locks
    ]
