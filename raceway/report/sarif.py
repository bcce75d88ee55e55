"""The report as SARIF 2.1.0, which code scanning of GitHub and others, and editors, read.

One result for each finding; the same code on another item of a container is told in its message.
Alerts are matched between runs by the fingerprint, so that a line that has moved is no new bug.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from raceway import __version__
from raceway.report.excerpt import UNKNOWN_FRAME, source_line
from raceway.report.rules import RULES, rule_of
from raceway.report.sides import columns, is_lock_order, labels, own_place
from raceway.report.terminal import clean
from raceway.report.values import json_text, value_text
from raceway.report.words import same_code, subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from raceway.model.findings import Access, Finding, Frame, Report
    from raceway.report.rules import Rule

    ReadLine = Callable[[str, int], str | None]
    JsonObject = dict[str, Any]

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
ROOT_NAME: Final = "%SRCROOT%"
MOST_RESULTS: Final = 5000
"""GitHub shows no more of one run."""
_LEVELS: Final = {"critical": "error", "warning": "warning", "info": "note"}
_PARTS: Final = {
    "first": ", the first step of the sequence",
    "second": ", the last step of the sequence",
    "inner": ", while holding another lock",
}
_KINDS: Final = {
    "acquire": ["acquire", "lock"],
    "release": ["release", "lock"],
    "wait for": ["acquire", "lock"],
    "await": ["exit"],
    "switch": ["exit"],
}


def render_sarif(report: Report, *, root: str, read_line: ReadLine = source_line) -> str:
    """Render the report as a SARIF log, in ASCII, ended with a newline.

    Args:
        report: What to show.
        root: Folder to which paths below it are given relative, or an empty string.
        read_line: Returns a line of a source file, or None.
    """
    return json.dumps(sarif_log(report, root, read_line), indent=2, allow_nan=False) + "\n"


def sarif_log(report: Report, root: str, read_line: ReadLine) -> JsonObject:
    """Return the SARIF log as a value of plain JSON types."""
    places = _Places(root, read_line)
    same = same_code(report.findings)
    own = [finding for finding in report.findings if not finding.same_as]
    shown = own[:MOST_RESULTS]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Raceway",
                        "semanticVersion": __version__,
                        "rules": [_rule(rule) for rule in RULES],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": places.base(),
                "invocations": [_invocation(report, len(own) - len(shown))],
                "results": [
                    _result(finding, places, [item.variable for item in same.get(finding.id, [])])
                    for finding in shown
                ],
            }
        ],
    }


def _rule(rule: Rule) -> JsonObject:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": _message(rule.summary),
        "fullDescription": _message(rule.help),
        "help": {"text": rule.help, "markdown": f"**{rule.summary}**\n\n{rule.help}"},
        "defaultConfiguration": {"level": "warning"},
        "properties": {
            "tags": ["concurrency", "correctness", f"external/cwe/cwe-{rule.weakness}"],
            "precision": "high",
            "problem.severity": "error",
        },
    }


def _invocation(report: Report, left_out: int) -> JsonObject:
    notes = list(report.notes)
    if left_out:
        notes.append(f"{left_out:,} more findings are left out: readers of SARIF take no more")
    told = [{"level": "note", "message": _message(note)} for note in notes]
    errors = report.counts.internal_errors
    if errors:
        text = f"{errors:,} internal errors of Raceway; first: {report.first_error or 'unknown'}"
        told.insert(0, {"level": "error", "message": _message(text)})
    invocation: JsonObject = {
        "executionSuccessful": not errors,
        "toolExecutionNotifications": told,
    }
    if report.exit_status is not None:
        invocation["exitCode"] = report.exit_status
    return invocation


def _result(finding: Finding, places: _Places, again: list[str]) -> JsonObject:
    frames = [places.best(access) for access in finding.accesses]
    located = [places.location(frame) for frame in frames]
    names = labels(finding)
    texts = [
        _access_text(access, names[column])
        for access, column in zip(finding.accesses, columns(finding), strict=True)
    ]
    rule = rule_of(finding)
    identity = clean(finding.id, unicode=True)
    related = [
        {"id": number, **location, "message": _message(text)}
        for number, (location, text) in enumerate(zip(located, texts, strict=True), 1)
    ]
    return {
        "ruleId": rule.id,
        "ruleIndex": RULES.index(rule),
        "level": _LEVELS[finding.severity],
        "message": _message(_text(finding, again)),
        # The first one is what a reader jumps to; the others are related.
        "locations": located[:1],
        "relatedLocations": related[1:],
        "codeFlows": _code_flows(finding, places),
        "stacks": _stacks(finding, texts, places),
        "partialFingerprints": {
            "raceway/v1": identity,
            # The only one by which GitHub matches alerts.  It would hash the line instead, and take
            # two bugs of one line for one.
            "primaryLocationLineHash": f"{identity}:1",
        },
        "properties": {
            "id": identity,
            "variable": clean(finding.variable, unicode=True),
            "certainty": finding.certainty,
            "count": finding.count,
        },
    }


def _stacks(finding: Finding, texts: list[str], places: _Places) -> list[JsonObject]:
    stacks: list[JsonObject] = []
    for access, text in zip(finding.accesses, texts, strict=True):
        frames = [
            {"location": {**places.location(frame), "message": _message(frame.function)}}
            for frame in access.stack
        ]
        stack = {"message": _message(text), "frames": frames}
        if stack not in stacks:  # the format wants them to differ
            stacks.append(stack)
    return stacks


def _text(finding: Finding, again: list[str]) -> str:
    parts = [f"{subject(finding)}: {finding.message}" if finding.variable else finding.message]
    if finding.certainty == "predicted":
        parts.append("Predicted: it did not happen in this run, and another timing can cause it.")
    if finding.why:
        parts.append(f"Why: {finding.why}.")
    if finding.fix:
        parts.append(f"Fix: {finding.fix}.")
    if again:
        more = f" and {len(again) - 4:,} more" if len(again) > 4 else ""
        parts.append(f"The same code, on other items: {', '.join(again[:4])}{more}.")
    return " ".join(parts)


def _access_text(access: Access, actor: str) -> str:
    what = access.operation or access.access
    if access.has_value:
        what += f" {value_text(access.value)}"
    held = ", ".join(lock.name for lock in access.locks) or "none"
    return f"{what} by {actor}{_PARTS.get(access.role, '')}; locks held: {held}"


def _code_flows(finding: Finding, places: _Places) -> list[JsonObject]:
    """Return the interleaving: a thread flow for each actor, in one order of execution."""
    flows: dict[int, list[JsonObject]] = {}
    for order, (actor, frame, text, kinds, state) in enumerate(_moves(finding, places), 1):
        location = {**places.location(frame), "message": _message(text)}
        step: JsonObject = {
            "executionOrder": order,
            "importance": "essential",
            "kinds": kinds,
            "location": location,
        }
        if state:
            step["state"] = {clean(finding.variable, unicode=True): _message(state)}
        flows.setdefault(actor, []).append(step)
    names = labels(finding)
    threads = [
        {"id": str(actor), "message": _message(names[actor]), "locations": steps}
        for actor, steps in sorted(flows.items())
    ]
    message = _message("The interleaving that goes wrong.")
    return [{"message": message, "threadFlows": threads}] if threads else []


def _moves(finding: Finding, places: _Places) -> Iterable[tuple[int, Frame, str, list[str], str]]:
    """Yield actor, place, words, kinds and value of each step."""
    names = labels(finding)
    sides = list(zip(columns(finding), finding.accesses, strict=True))
    steps = [step for step in finding.steps if 0 <= step.actor < len(names)]
    if not steps:
        # First what each has, then what each waits for: the order in which it goes wrong.
        for column, access in sorted(sides, key=lambda side: side[1].role == "inner"):
            kinds = ["acquire", "lock"] if is_lock_order(finding) else ["memory"]
            yield column, places.best(access), _access_text(access, names[column]), kinds, ""
        return
    where: dict[int, Frame] = {}
    for column, access in sides:
        where.setdefault(column, places.best(access))
    for step in steps:
        # A step has a line only; what has none (a lock that is let go) stands at the step before.
        frames = (
            frame
            for _, access in sorted(sides, key=lambda side: side[0] != step.actor)
            for frame in access.stack
            if frame.line == step.line
        )
        frame = next(frames, None) or where.get(step.actor, UNKNOWN_FRAME)
        where[step.actor] = frame
        text = f"{names[step.actor]}: {step.action} {step.detail}".rstrip()
        state = step.detail if step.action in ("read", "write") else ""
        yield step.actor, frame, text, _KINDS.get(step.action, ["memory"]), state


class _Places:
    """Where things are in the files of the program."""

    def __init__(self, root: str, read_line: ReadLine) -> None:
        self._root = root
        self._prefix = root.rstrip(os.sep) + os.sep if root else ""
        self._read_line = read_line

    def base(self) -> JsonObject:
        """Return what relative paths are relative to."""
        return {ROOT_NAME: {"uri": _uri(self._prefix)}} if self._prefix else {}

    def best(self, access: Access) -> Frame:
        """Return the line that a reader jumps to."""
        return own_place(access, self._root)

    def location(self, frame: Frame) -> JsonObject:
        """Return a location; without the physical one if the code is in no file."""
        function = clean(frame.function, unicode=True)
        location: JsonObject = {
            "logicalLocations": [{"fullyQualifiedName": function, "kind": "function"}]
        }
        artifact = self._artifact(frame.file)
        if artifact:
            location["physicalLocation"] = {"artifactLocation": artifact}
            if frame.line > 0:
                location["physicalLocation"]["region"] = self._region(frame)
        return location

    def _artifact(self, file: str) -> JsonObject:
        inside = file.removeprefix(self._prefix) if self._prefix else file
        if inside and not os.path.isabs(inside) and not inside.startswith("<"):
            return {"uri": _uri(inside), **({"uriBaseId": ROOT_NAME} if self._prefix else {})}
        return {"uri": _uri(file)} if os.path.isabs(file) else {}

    def _region(self, frame: Frame) -> JsonObject:
        region: JsonObject = {"startLine": frame.line}
        try:
            text = self._read_line(frame.file, frame.line)
        except Exception:  # as for excerpts: what cannot be read is not shown
            text = None
        if text is None or not text.strip():
            return region
        region["snippet"] = {"text": json_text(text)}
        one_line = frame.end_line in (None, frame.line)
        if one_line and frame.column is not None and frame.end_column is not None:
            start, end = (_characters(text, offset) for offset in (frame.column, frame.end_column))
            if 0 <= frame.column < frame.end_column and start < end:
                region["startColumn"], region["endColumn"] = start + 1, end + 1
        return region


def _characters(text: str, offset: int) -> int:
    """Turn an offset in UTF-8 bytes into one in characters."""
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore"))


def _uri(path: str) -> str:
    try:
        data = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no name that a file can have
        data = path.encode("utf-8", "backslashreplace")
    encoded = quote(data, safe="/")
    return f"file://{encoded}" if os.path.isabs(path) else encoded


def _message(text: str) -> JsonObject:
    """Return a message in which nothing that is quoted is a placeholder or a link."""
    shown = clean(text, unicode=True) or "-"
    return {"text": shown.replace("{", "{{").replace("}", "}}").replace("](", "] (")}
