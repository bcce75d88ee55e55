"""The last lines: they must never make "saw nothing" look like "no race"."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from raceway.model.findings import Counts, Report
from raceway.report.text import render_text

if TYPE_CHECKING:
    from raceway.model.findings import Finding

WATCHED = Counts(accesses=5204, actors=4, variables=7, objects=3, locks=2, processes=1, events=6000)
DETAILS = "watched 3 objects: 5,204 accesses to 7 variables, 2 locks, 4 actors in 1 process"
HOW = 'to watch: raceway.watch(obj, name="...")'


def render(report: Report, *, verbose: bool = False) -> str:
    return render_text(
        report,
        color=False,
        width=80,
        unicode=True,
        root="",
        read_line=lambda _file, _line: None,
        verbose=verbose,
    )


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (WATCHED, f"no races found; {DETAILS}"),
        (
            Counts(accesses=1, actors=1, variables=1, objects=1, locks=1, processes=2),
            (
                "no races found; watched 1 object: 1 access to 1 variable, 1 lock, 1 actor"
                " in 2 processes"
            ),
        ),
        (
            replace(WATCHED, dropped=1200),
            f"no races found; {DETAILS}; 1,200 events dropped",
        ),
        (Counts(processes=1), f"nothing was watched, so no race could be found; {HOW}"),
        (
            Counts(processes=1, locks=1, actors=2),
            "nothing was watched, so only lock order was checked (1 lock, no inversion); " + HOW,
        ),
        (
            Counts(),
            "nothing was recorded: my\\x1bpython runs an interpreter that has no raceway installed or was started with -I, -E or -S, or is no Python program",
        ),
    ],
)
def test_without_findings_it_is_one_line(counts: Counts, line: str) -> None:
    """One line, so that a clean program's terminal stays clean; notes do not change that."""
    report = Report(counts=counts, notes=("a lock",), command=("my\x1bpython", "x.py"))

    assert f"raceway: {line}\n" == render(report)


def test_errors_of_ours_have_a_line() -> None:
    """It makes the result doubtful, so it is not among the notes."""
    report = Report(
        counts=replace(WATCHED, internal_errors=3), first_error="flush: OSError: no\x1bspace"
    )

    assert render(report) == (
        f"raceway: no races found; {DETAILS}\n"
        "raceway: 3 internal errors (first: flush: OSError: no\\x1bspace); please report this\n"
    )


def test_verbose_adds_the_notes() -> None:
    """What was not seen is there for who asks."""
    report = Report(counts=WATCHED, notes=("1 lock made before start-up", "Not seen: more"))

    expected = (
        f"raceway: no races found; {DETAILS}\n"
        "raceway: not seen: 1 lock made before start-up\n"
        "raceway: Not seen: more\n"
    )
    assert expected == render(report, verbose=True)


def test_findings_are_counted_by_severity(report: Report) -> None:
    """The summary and the notes end the report."""
    expected = (
        f"\n\nraceway: 3 findings (1 critical, 2 warnings); {DETAILS}\n"
        "raceway: not seen: 1 lock made before start-up (bank.py:5)\n"
    )
    assert render(report).endswith(expected)


def test_an_inversion_is_found_without_watching(inversion: Finding) -> None:
    """Then the summary does not claim that there was none."""
    report = Report((inversion,), Counts(processes=1, locks=2, actors=2))

    expected = (
        "\nraceway: 1 finding (1 warning); nothing was watched, so only lock order was checked"
        f" (2 locks); {HOW}\n"
    )
    assert render(report).endswith(expected)


def test_info_findings_are_only_counted(report: Report) -> None:
    """They are shown to who asks."""
    critical, *others = report.findings
    report = replace(
        report, findings=(critical, *(replace(other, severity="info") for other in others))
    )
    text = render(report)

    assert text.startswith("raceway: 1 of 1  CRITICAL")
    assert (
        f"\nraceway: 2 info findings not shown\nraceway: 3 findings (1 critical, 2 info); {DETAILS}\n"
        in text
    )
    assert "raceway: 3 of 3  INFO  data race" in render(report, verbose=True)


def test_only_info_findings_are_one_line(report: Report) -> None:
    """Nothing to worry about is said in one line too."""
    info = tuple(replace(finding, severity="info") for finding in report.findings)

    assert f"raceway: 3 findings (3 info); {DETAILS}\n" == render(replace(report, findings=info))
