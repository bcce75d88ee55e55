"""The report as JUnit XML."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from raceway.model.findings import Counts, Report
from raceway.report.junit import render_junit

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Finding

    ReadLine = Callable[[str, int], str | None]


def suite_of(report: Report, read_line: ReadLine | None = None) -> ET.Element:
    text = render_junit(report, root="/app", read_line=read_line or (lambda *_: None))
    (suite,) = ET.fromstring(text.encode())
    assert suite.tag == "testsuite"
    assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors", "")) == len(suite.findall("testcase/error"))
    return suite


def test_findings_are_failed_tests(report: Report, read_line: ReadLine) -> None:
    """Named by the fingerprint, at their place, with the text of the report."""
    first, *_ = suite_of(report, read_line).findall("testcase")

    assert first.attrib == {
        "classname": "raceway.atomicity-violation",
        "name": "atomicity violation acct.balance (RW-7f3a9c)",
        "file": "bank.py",
        "line": "12",
        "time": "0",
    }
    failure = first.find("failure")
    assert failure is not None and failure.text is not None
    assert failure.get("type") == "atomicity-violation"
    assert failure.get("message", "").startswith("critical, observed: Thread-1 wrote acct.balance")
    assert "    > 14 │ self.balance = current - amount   ← wrote 90\n" in failure.text


def test_what_was_not_found_passes(data_race: Finding) -> None:
    """A file without any test is an error to its readers."""
    names = [case.get("name") for case in suite_of(Report()).findall("testcase")]
    assert names == ["no data race", "no atomicity violation", "no lock-order inversion"]

    cases = suite_of(Report((data_race,))).findall("testcase")
    assert [len(case) for case in cases] == [1, 0, 0]
    assert "no data race" not in [case.get("name") for case in cases]


def test_harmless_findings_pass(lost_update: Finding) -> None:
    """They are told, and fail no build."""
    case, *_ = suite_of(Report((replace(lost_update, severity="info"),))).findall("testcase")

    assert [child.tag for child in case] == ["system-out"]


def test_the_same_code_on_other_items(lost_update: Finding) -> None:
    """It is one test."""
    same = replace(lost_update, id="RW-x", variable="acct.limit", same_as=lost_update.id)
    suite = suite_of(Report((lost_update, same)))

    assert suite.get("failures") == "1"
    assert "also acct.limit (RW-x)" in (suite.findtext("testcase/failure") or "")


def test_errors_of_our_own() -> None:
    """A report that may lack something is no success."""
    suite = suite_of(Report(counts=Counts(internal_errors=2), first_error="f: <&>", notes=("n<",)))
    error = suite.find("testcase/error")

    assert error is not None and "2 internal errors (first: f: <&>)" in error.get("message", "")
    assert (suite.findtext("system-out") or "").endswith("\nn<\n")
