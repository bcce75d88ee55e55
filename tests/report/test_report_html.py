"""The report as a page for a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from report.markup import checked

from raceway.model.findings import Counts, LockRef, LockWait, ProcessInfo, Report, Step
from raceway.report.html_report import render_html

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Finding

    ReadLine = Callable[[str, int], str | None]


def page_of(report: Report, read_line: ReadLine | None = None) -> Any:
    return checked(render_html(report, root="/app", read_line=read_line or (lambda *_: None)))


def test_everything_is_there(report: Report, read_line: ReadLine) -> None:
    """Places, code with the lines marked, locks, why, fix, and what was not seen."""
    page = page_of(report, read_line)

    assert page.raw["title"] == ["Raceway: 3 findings, python bank.py"]
    assert [f.id for f in report.findings] == [name for name in page.ids if name.startswith("RW-")]
    for told in (
        "critical atomicity violation acct.balance bank.py:12 RW-7f3a9c observed",
        "read by Thread-1 (worker)",
        "> 12 │     current = self.balance   ← read 100\n",
        "> 14 │     self.balance = current - amount   ← wrote 90\n",
        "  13 │     fee = price(amount)\n",
        "conflicts with write by Thread-2 (worker)",
        "bank.py:14 in Account.withdraw, locks held: audit",
        "call stack, 3 lines",
        "started by MainThread at bank.py:40 in main",
        "audit (Lock, made at bank.py:4)",
        "no common lock: {} and {audit}",
        "hold one lock over lines 12-14 in both threads",
        "3 times",
        "Predicted: no deadlock happened in this run.",
        "and then Thread-2 (worker) wanted a",
        "(source not available; read 'x')",
        "1 lock made before start-up (bank.py:5)",
        "watched 3 objects: 5,204 accesses",
    ):
        assert told in page.text, told


def test_interleaving(lost_update: Finding) -> None:
    """A row for each step, the value after it, and the value that was lost."""
    text = " ".join(page_of(Report((lost_update,))).text.split())

    assert "order Thread-1 (worker) Thread-2 (worker) acct.balance 1 read :12 100 · 100" in text
    assert "4 · write :14 70 70 5 write :14 90 · 90 ← 70 lost" in text


def test_steps_of_nobody(lost_update: Finding) -> None:
    """A step whose actor is not among the sides has the whole row."""
    page = page_of(
        Report(
            (
                replace(
                    lost_update,
                    steps=(Step(-1, "read"), Step(20, "write", 3)),
                ),
            )
        )
    )

    assert "actor 0: read" in page.text and "actor 21: write :3" in page.text


def test_hostile_names(lost_update: Finding) -> None:
    """No text of the program becomes markup, whatever place it stands at."""
    bad = "</script></style></title></pre>'\"><img src=x onerror=alert(1)><!--\x1b\u202e&lt;"
    access = lost_update.accesses[0]
    frame = replace(access.stack[0], file=bad, function=bad)
    lock = LockRef(bad, bad, bad)
    access = replace(
        access,
        operation=bad,
        stack=(frame, frame),
        locks=(lock,),
        value=bad,
        actor=replace(access.actor, name=bad, kind=bad, started_by=bad, started_at=(frame,)),
    )
    finding = replace(
        lost_update,
        **dict.fromkeys(("id", "variable", "message", "why", "fix"), bad),
        accesses=(access, *lost_update.accesses[1:]),
        locks=(lock,),
        steps=(Step(0, bad, 1, bad),),
    )
    report = Report(
        (finding, replace(finding, id=bad + "2", same_as=bad)),
        Counts(internal_errors=1, processes=1),
        (ProcessInfo(1, bad, 2, "lost: " + bad, bad),),
        (bad,),
        (bad,),
        first_error=bad,
    )
    page = page_of(report, lambda *_: bad)

    assert page.text.count("<img src=x onerror=alert(1)>") > 15
    assert "&lt;" in page.text  # what was escaped in the name is not unescaped


def test_many_findings(lost_update: Finding) -> None:
    """The first ones are open, of all others only the heading is; the same code is linked."""
    others = tuple(replace(lost_update, id=f"RW-{n}") for n in range(9))
    same = replace(lost_update, id="RW-x", variable="acct.limit", same_as="RW-3", count=2)
    report = Report((*others, same))
    text = render_html(report, root="", read_line=lambda *_: None)

    assert text.count(" open data-severity") == 5
    assert checked(text).links == ["RW-3"]
    assert "The same code as in RW-3, on another item; seen 2 times." in checked(text).text


def test_locks_that_were_waited_for() -> None:
    waits = tuple(
        LockWait(LockRef(f"<b>{n}", "Lock", f"/app/shop.py:{n}"), 2, 3_500_000, 2_000_000)
        for n in range(60)
    )
    page = page_of(Report((), waits=waits))

    assert "Locks were waited for 120 times, for 210.0 ms in all" in page.text
    assert "<b>49" in page.text
    assert "<b>50" not in page.text
    assert "10 more" in page.text


def test_nothing_found() -> None:
    """The page says what was looked at, and how each process ended."""
    processes = (
        ProcessInfo(7, "python a.py", 3, "killed by SIGKILL"),
        ProcessInfo(8, "b", 1, "exit"),
    )
    report = Report((), Counts(objects=1, accesses=2, variables=1, processes=2), processes)
    page = page_of(report)

    assert "no races found; watched 1 object: 2 accesses" in page.text
    assert "process 7 (python a.py) was killed by SIGKILL; its last ops may be missing" in page.text
    assert "2 processes" in page.text and "finding" not in page.classes
