"""The report as SARIF."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from report.sarif_schema import VALIDATOR

from raceway.model.findings import Access, Actor, Counts, Finding, Frame, Report, Step
from raceway.report import sarif
from raceway.report.sarif import render_sarif

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    ReadLine = Callable[[str, int], str | None]


def run_of(report: Report, root: str = "/app", read_line: ReadLine | None = None) -> Any:
    text = render_sarif(report, root=root, read_line=read_line or (lambda *_: None))
    assert text.isascii() and text.endswith("}\n")
    log = json.loads(text)
    VALIDATOR.validate(log)
    return log["runs"][0]


def lines(step: Any) -> int:
    return step["location"]["physicalLocation"]["region"]["startLine"]


def test_all_types(report: Report, read_line: ReadLine) -> None:
    """Each finding is a result of its rule, as bad as it is, and found again by its fingerprint."""
    run = run_of(report, read_line=read_line)

    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("RW002", "error"),
        ("RW003", "warning"),
        ("RW001", "warning"),
    ]
    for result, finding in zip(run["results"], report.findings, strict=True):
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert result["partialFingerprints"]["raceway/v1"] == finding.id
        assert result["partialFingerprints"]["primaryLocationLineHash"] == f"{finding.id}:1"
        # Every access is there, the first one as the place.
        assert len(result["locations"]) == 1
        assert len(result["relatedLocations"]) == len(finding.accesses) - 1
    assert run["invocations"] == [
        {
            "executionSuccessful": True,
            "exitCode": 0,
            "toolExecutionNotifications": [
                {"level": "note", "message": {"text": "1 lock made before start-up (bank.py:5)"}}
            ],
        }
    ]
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///app/"}}


def test_interleaving(lost_update: Finding, read_line: ReadLine) -> None:
    """One thread flow for each actor, and one order over both."""
    (result,) = run_of(Report((lost_update,)), read_line=read_line)["results"]
    (flow,) = result["codeFlows"]
    one, two = flow["threadFlows"]

    assert [one["message"]["text"], two["message"]["text"]] == [
        "Thread-1 (worker)",
        "Thread-2 (worker)",
    ]
    assert [(s["executionOrder"], lines(s)) for s in one["locations"]] == [(1, 12), (5, 14)]
    # Line 25 is in no stack: its step stands at the place of the actor's next one.
    assert [(s["executionOrder"], lines(s)) for s in two["locations"]] == [
        (2, 14),
        (3, 12),
        (4, 14),
    ]
    assert two["locations"][0]["kinds"] == ["acquire", "lock"]
    assert two["locations"][2]["state"] == {"acct.balance": {"text": "70"}}
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region["snippet"] == {"text": "        current = self.balance"}


def test_inversion_without_steps(inversion: Finding) -> None:
    """What each holds comes before what each waits for."""
    (result,) = run_of(Report((replace(inversion, steps=()),)))["results"]
    one, two = result["codeFlows"][0]["threadFlows"]

    assert [(s["executionOrder"], lines(s)) for s in one["locations"]] == [(1, 2), (3, 3)]
    assert [(s["executionOrder"], lines(s)) for s in two["locations"]] == [(2, 8), (4, 10)]


def test_places(data_race: Finding) -> None:
    """Below the root relative, elsewhere absolute, encoded; what is in no file has no place."""

    def uri(file: str, root: str = "/app") -> Any:
        access = Access("write", "write", Actor("T"), (Frame(file, 3, "f"),))
        finding = replace(data_race, accesses=(access, access))
        (location,) = run_of(Report((finding,)), root)["results"][0]["locations"]
        return location.get("physicalLocation", {}).get("artifactLocation")

    assert uri("/app/a b/größe#1.py") == {
        "uri": "a%20b/gr%C3%B6%C3%9Fe%231.py",
        "uriBaseId": "%SRCROOT%",
    }
    assert uri("/else/x.py") == {"uri": "file:///else/x.py"}
    assert uri("c:x.py") == {"uri": "c%3Ax.py", "uriBaseId": "%SRCROOT%"}
    assert uri("/app/x.py", "") == {"uri": "file:///app/x.py"}
    assert uri("/x.py", "/") == {"uri": "x.py", "uriBaseId": "%SRCROOT%"}
    assert uri("<string>") is None


def test_the_place_is_in_the_program(data_race: Finding) -> None:
    """A reader jumps to the line of the user, not into the library that it called."""
    stack = (Frame("/usr/lib/python3.11/json/encoder.py", 9, "encode"), Frame("/app/x.py", 4, "f"))
    access = Access("read", "iterate", Actor("T"), stack)
    finding = replace(data_race, accesses=(access, access))
    (result,) = run_of(Report((finding,)))["results"]

    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 4
    assert len(result["stacks"][0]["frames"]) == 2


def test_columns_are_characters(data_race: Finding) -> None:
    """The interpreter counts bytes."""
    line = 'größe["é"] = 1'
    start, end = (len(part.encode()) for part in ("größe[", 'größe["é"'))
    access = Access("write", "write", Actor("T"), (Frame("/app/x.py", 1, "f", 1, start, end),))
    finding = replace(data_race, accesses=(access, access))
    (result,) = run_of(Report((finding,)), read_line=lambda *_: line)["results"]
    region = result["locations"][0]["physicalLocation"]["region"]

    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == '"é"'


def test_quoted_text_is_no_markup(data_race: Finding) -> None:
    """Neither placeholder nor link nor control character of a name comes into a message."""
    name = "d['{0}[x](http://evil)\x1b\u202e']"
    (result,) = run_of(Report((replace(data_race, variable=name, why=name),)))["results"]
    text = result["message"]["text"]

    assert "{{0}}[x] (http://evil)\\x1b\\u202e" in text
    assert "{0}" not in text.replace("{{0}}", "")


def test_the_same_code_on_other_items(lost_update: Finding) -> None:
    """It is one result that names the items: a second one would be a second alert."""
    others = tuple(
        replace(lost_update, id=f"{lost_update.id}-{n}", variable=f"d[{n}]", same_as=lost_update.id)
        for n in range(6)
    )
    (result,) = run_of(Report((lost_update, *others)))["results"]

    assert "on other items: d[0], d[1], d[2], d[3] and 2 more." in result["message"]["text"]


def test_limits_and_errors(lost_update: Finding, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out and what of ours failed is told; steps of nobody do no harm."""
    monkeypatch.setattr(sarif, "MOST_RESULTS", 20)  # to validate as many as there may be takes long
    finding = replace(lost_update, steps=(Step(99, "read"), Step(-1, "write")))
    run = run_of(Report((finding,) * 22, Counts(internal_errors=2)))
    invocation = run["invocations"][0]

    assert len(run["results"]) == 20
    assert not invocation["executionSuccessful"] and "exitCode" not in invocation
    told = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert told[0].startswith("2 internal errors") and told[1].startswith("2 more findings")


def test_nothing_found() -> None:
    """A reader closes its alerts only if there is a run without results."""
    assert run_of(Report())["results"] == []
