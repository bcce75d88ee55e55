"""Reads a JSON report back, so that it can be shown in every other format."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from raceway.model.findings import (
    SEVERITIES,
    Access,
    Actor,
    Baseline,
    Counts,
    Finding,
    FindingType,
    Frame,
    KnownFinding,
    LockRef,
    LockWait,
    ProcessInfo,
    Report,
    Step,
    Suppression,
)
from raceway.report.document import SCHEMA

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    JsonObject = dict[str, Any]


def read_report(path: str | os.PathLike[str]) -> Report:
    """Read a JSON report.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no report; the message says what it is instead.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        message = f"it is no JSON ({error})"
        raise ValueError(message) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        message = f"it is no {SCHEMA}" + (f", but {schema!r}" if schema else "")
        raise ValueError(message)
    try:
        return report_of(document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        message = f"the report is damaged ({type(error).__name__}: {error})"
        raise ValueError(message) from None


def report_of(document: JsonObject) -> Report:
    """Return the report that a document describes: the opposite of ``report_document``."""
    found = document["findings"]
    baseline = document.get("baseline")
    return Report(
        findings=tuple(_finding(one) for one in found if not _is_aside(one)),
        counts=Counts(**{f.name: document["counts"].get(f.name, 0) for f in fields(Counts)}),
        processes=tuple(
            ProcessInfo(one["pid"], one["command"], one["ops"], one["ended"], one.get("name", ""))
            for one in document["processes"]
        ),
        notes=tuple(document["notes"]),
        command=tuple(document["command"]),
        exit_status=document["exit_status"],
        first_error=document.get("first_error", ""),
        known=tuple(_finding(one) for one in found if one.get("known")),
        suppressed=tuple(_finding(one) for one in found if one.get("suppressed")),
        baseline=_baseline(baseline) if baseline else None,
        waits=tuple(
            LockWait(_locks([one])[0], one["count"], one["total_ns"], one["longest_ns"])
            for one in document.get("lock_waits", ())
        ),
        remarks=tuple(document.get("remarks", ())),
    )


def _is_aside(finding: JsonObject) -> bool:
    return bool(finding.get("known") or finding.get("suppressed"))


def _baseline(document: JsonObject) -> Baseline:
    return Baseline(document["file"], tuple(KnownFinding(**known) for known in document["absent"]))


def _finding(document: JsonObject) -> Finding:
    by = document.get("suppressed")
    if document["severity"] not in SEVERITIES or document["type"] not in get_args(FindingType):
        raise ValueError(document["type"], document["severity"])
    return Finding(
        id=document["id"],
        type=document["type"],
        severity=document["severity"],
        certainty=document["certainty"],
        variable=document["variable"],
        message=document["message"],
        accesses=tuple(map(_access, document["accesses"])),
        locks=_locks(document["locks"]),
        why=document["why"],
        fix=document["fix"],
        steps=tuple(
            Step(one["actor"], one["action"], one["line"], one["detail"])
            for one in document["steps"]
        ),
        count=document["count"],
        process=document["process"],
        same_as=document.get("same_as") or "",
        suppressed=Suppression(by["reason"], by["by"]) if by else None,
    )


def _access(document: JsonObject) -> Access:
    start = document["started_by"] or {"actor": "", "stack": ()}
    return Access(
        access=document["access"],
        operation=document["operation"],
        actor=Actor(
            document["actor"],
            document["actor_kind"],
            start["actor"],
            _stack(start["stack"]),
            document["process"],
        ),
        stack=_stack(document["stack"]),
        locks=_locks(document["locks"]),
        value=document.get("value"),
        has_value="value" in document,
        role=document["role"],
    )


def _stack(frames: Iterable[JsonObject]) -> tuple[Frame, ...]:
    return tuple(_frame(frame) for frame in frames)


def _frame(document: JsonObject) -> Frame:
    file, _, line = document["location"].rpartition(":")
    return Frame(file, int(line), document["function"])


def _locks(locks: Iterable[JsonObject]) -> tuple[LockRef, ...]:
    return tuple(LockRef(lock["name"], lock["kind"], lock["location"]) for lock in locks)
