"""Annotations and the summary of a step of GitHub Actions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from report.markup import commands, markdown_rows

from raceway.model.findings import Frame, Report
from raceway.report.github import workflow_commands
from raceway.report.markdown import render_markdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Finding

    ReadLine = Callable[[str, int], str | None]


def test_annotations(report: Report) -> None:
    """One for each finding, at its line, as bad as it is."""
    one, two, three = commands(workflow_commands(report, root="/app"))

    assert one == (
        "error",
        {
            "file": "bank.py",
            "line": "12",
            "endLine": "12",
            "title": "Raceway: atomicity violation acct.balance (RW-7f3a9c)",
        },
        "Thread-1 wrote acct.balance from a value it had read before Thread-2's write:"
        " that write is lost.\n"
        "Why: no common lock: {} and {audit}; nothing orders the two\n"
        "Fix: hold one lock over lines 12-14 in both threads",
    )
    assert (two[0], two[1]["file"], two[1]["line"]) == ("warning", "locks.py", "2")
    assert two[1]["title"] == "Raceway: lock-order inversion a, b (RW-11aa22)"
    assert "Predicted: no deadlock happened" in two[2]
    assert three[1]["title"].endswith("config['url'] (RW-0badc0)")


def test_quoted_text_is_no_command(lost_update: Finding) -> None:
    """Line breaks, commas and colons of a name stay in it."""
    bad = "x,line=1::\n::error file=a::%0A50%\r"
    ((_, properties, message),) = commands(
        workflow_commands(Report((replace(lost_update, variable=bad, message=bad),)), root="/app")
    )

    shown = "x,line=1::\\n::error file=a::%0A50%\\r"
    assert shown in properties["title"]
    # The runner decodes what we have encoded, and nothing that was in the name.
    assert message.split("\n")[0] == shown
    assert properties["line"] == "12"


def test_places_outside_of_the_checkout(data_race: Finding, lost_update: Finding) -> None:
    """An annotation without a place is better than one at a wrong place."""
    access = replace(data_race.accesses[1], stack=(Frame("<string>", 3, "f"),))
    elsewhere = replace(data_race, accesses=data_race.accesses[1:])
    nowhere = replace(data_race, accesses=(access,))
    found = commands(workflow_commands(Report((elsewhere, nowhere)), root="/app"))
    found += commands(workflow_commands(Report((lost_update,)), root=""))

    assert [properties.keys() for _, properties, _ in found] == [{"title"}] * 3


def test_many(lost_update: Finding) -> None:
    """Ten of a level, none for harmless ones or for the same code on another item."""
    others = tuple(replace(lost_update, id=f"RW-{n}") for n in range(12))
    harmless = replace(lost_update, severity="info")
    same = replace(lost_update, id="RW-s", variable="acct.limit", same_as="RW-0")
    found = commands(workflow_commands(Report((*others, harmless, same)), root="/app"))

    assert len(found) == 10
    assert found[0][2].endswith("The same code on other items: acct.limit")
    assert "same code" not in found[1][2]
    assert workflow_commands(Report(), root="/app") == ""


def test_summary(report: Report, read_line: ReadLine) -> None:
    """A table, and the text of each finding behind a click."""
    text = render_markdown(report, root="/app", read_line=read_line)
    rows = markdown_rows(text)

    assert text.startswith("## Raceway\n\n3 findings (1 critical, 2 warnings); watched 3 objects")
    assert rows[0] == (
        "| critical | atomicity violation | <code>acct&#46;balance</code> |"
        " <code>bank&#46;py&#58;12</code> | RW-7f3a9c observed |"
    )
    assert text.count("<details>") == text.count("</details>") == 3
    assert "    > 14 │ self.balance = current - amount   ← wrote 90\n" in text
    assert text.endswith("\nNot seen:\n\n- 1 lock made before start-up (bank&#46;py&#58;5)\n")


def test_summary_without_findings() -> None:
    """It is one line and no table."""
    assert markdown_rows(render_markdown(Report(), root="/app")) == []


def test_a_fence_is_longer_than_what_it_holds(lost_update: Finding) -> None:
    """Code may hold fences itself."""
    text = render_markdown(Report((lost_update,)), root="/app", read_line=lambda *_: "`````")

    assert "\n``````text\n" in text
    assert len(markdown_rows(text)) == 1
