"""A JSON report that is read back is the report that was written."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.test_report_properties import REPORT

from raceway.model.findings import (
    Baseline,
    Finding,
    KnownFinding,
    LockRef,
    LockWait,
    ProcessInfo,
    Report,
    Suppression,
)
from raceway.report.document import encode_document, report_document
from raceway.report.files import write_report
from raceway.report.reading import read_report, report_of
from raceway.report.text import render_text

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_comes_back(tmp_path: Path, report: Report) -> None:
    first, second, *others = report.findings
    full = replace(
        report,
        findings=tuple(others),
        known=(first,),
        suppressed=(replace(second, suppressed=Suppression("it is a guess", "shop.py:3")),),
        baseline=Baseline("b.json", (KnownFinding("RW-1", "data-race", "x"),)),
        remarks=("shop.py:4: unused",),
        processes=(ProcessInfo(7, "python bank.py", 9000, "exit"),),
        exit_status=3,
        waits=(LockWait(LockRef("audit", "Lock", "shop.py:4"), 3, 5_000_000, 4_000_000),),
    )
    write_report(full, tmp_path / "r.json")

    again = read_report(tmp_path / "r.json")

    assert report_document(again) == report_document(full)
    assert [one.id for one in again.known] == [first.id]
    assert again.suppressed[0].suppressed == full.suppressed[0].suppressed
    assert again.waits == full.waits
    assert (again.baseline, again.remarks) == (full.baseline, full.remarks)


def test_reports_of_earlier_versions(report: Report) -> None:
    """Keys that were added later may be missing."""
    document = report_document(report)
    for name in ("baseline", "remarks"):
        del document[name]
    for finding in document["findings"]:
        del finding["known"], finding["suppressed"]

    again = report_of(document)

    assert len(again.findings) == len(report.findings)
    assert (again.known, again.suppressed, again.baseline) == ((), (), None)


@given(REPORT)
@settings(max_examples=60, deadline=None)
def test_whatever_it_holds(report: Report) -> None:
    document = json.loads(encode_document(report_document(report)))

    again = report_document(report_of(document))

    # Two actors that differ in nothing that the document has are one.
    assert _without_numbers(again) == _without_numbers(document)


@given(report=REPORT, text=st.text(max_size=90), verbose=st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_not_shown_is_told_harmlessly(*, report: Report, text: str, verbose: bool) -> None:
    """Reasons, places and remarks are text of the user, and stay on their lines."""
    suppressed = tuple(replace(one, suppressed=Suppression(text, text)) for one in report.findings)
    baseline = Baseline(text, (KnownFinding("RW-1", text, text),))
    full = replace(
        report, findings=(), known=report.findings, suppressed=suppressed, baseline=baseline,
        remarks=(text,),
    )  # fmt: skip

    shown = render_text(
        full,
        color=False,
        width=80,
        unicode=True,
        root="",
        read_line=lambda _file, _line: None,
        verbose=verbose,
    )

    lines = shown.removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("raceway: suppressed: ") for line in lines) == (
        len(suppressed) if verbose else 0
    )
    assert sum(line.startswith("raceway: not seen any more: ") for line in lines) == verbose


def _without_numbers(document: dict[str, object]) -> str:
    text = json.dumps(document, indent=0)
    kept = (line for line in text.splitlines() if not line.startswith(('"actor_number"', '"name"')))
    return "\n".join(kept)


@pytest.mark.parametrize("key", ["type", "severity"])
def test_words_that_nobody_knows(report: Report, key: str) -> None:
    document = report_document(report)
    document["findings"][0][key] = "odd"

    with pytest.raises(ValueError, match="odd"):
        report_of(document)


def test_fingerprints_of_items() -> None:
    one = Finding("RW-1a2b-00ff", "data-race", "info", "observed", "x['k']", "m", ())

    assert one.fingerprint == "RW-1a2b"
    assert replace(one, id="RW-1a2b").fingerprint == "RW-1a2b"
