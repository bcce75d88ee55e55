"""The text of findings, word for word."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from raceway.model.findings import Access, Actor, Finding, Frame, LockRef, Report, Step
from raceway.report.text import render_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Render = Callable[..., str]

LOST_UPDATE = """\
raceway: 1 of 1  CRITICAL  atomicity violation  acct.balance  RW-7f3a9c  observed
  Thread-1 wrote acct.balance from a value it had read before Thread-2's write: that write is lost.

  read by Thread-1 (worker)             bank.py:12 in Account.withdraw   locks held: none
  and then write by Thread-1 (worker)   bank.py:14 in Account.withdraw   locks held: none
      11 │ \"\"\"Take money out.\"\"\"
    > 12 │ current = self.balance   ← read 100
      13 │ fee = price(amount)
    > 14 │ self.balance = current - amount   ← wrote 90
      called from  bank.py:31 in worker
      started by   MainThread at bank.py:40 in main
  conflicts with
  write by Thread-2 (worker)            bank.py:14 in Account.withdraw   locks held: audit
    > 14 │ self.balance = current - amount   ← wrote 70
      called from  bank.py:26 in audited_worker  (through 1 library frame)
      started by   MainThread at bank.py:41 in main

  order   Thread-1 (worker)     Thread-2 (worker)     acct.balance
      1   read     :12  100     ·                     100
      2   ·                     acquire  :25  audit   100
      3   ·                     read     :12  100     100
      4   ·                     write    :14  70      70
      5   write    :14  90      ·                     90  ← 70 lost

  locks audit (Lock, made at bank.py:4)
  why   no common lock: {} and {audit}; nothing orders the two
  fix   hold one lock over lines 12-14 in both threads
  seen  3 times

"""

LOST_UPDATE_NARROW = """\
raceway: 1 of 1  CRITICAL  atomicity violation  acct.balance
    RW-7f3a9c  observed
  Thread-1 wrote acct.balance from a value it had read
  before Thread-2's write: that write is lost.

  read by Thread-1 (worker)   bank.py:12 in Account.withdraw
      locks held: none
  and then write by Thread-1 (worker)   bank.py:14
      in Account.withdraw   locks held: none
      11 | \"\"\"Take money out.\"\"\"
    > 12 | current = self.balance   <- read 100
      13 | fee = price(amount)
    > 14 | self.balance = current - amount   <- wrote 90
      called from  bank.py:31 in worker
      started by   MainThread at bank.py:40 in main
  conflicts with
  write by Thread-2 (worker)   bank.py:14
      in Account.withdraw   locks held: audit
    > 14 | self.balance = current - amount   <- wrote 70
      called from  bank.py:26 in audited_worker
          (through 1 library frame)
      started by   MainThread at bank.py:41 in main

  order   Thread-1 (worker)     Thread-2 (worker)
      1   read     :12  100     .
      2   .                     acquire  :25  audit
      3   .                     read     :12  100
      4   .                     write    :14  70
      5   write    :14  90      .

  locks audit (Lock, made at bank.py:4)
  why   no common lock: {} and {audit}; nothing orders the
        two
  fix   hold one lock over lines 12-14 in both threads
  seen  3 times

"""

INVERSION = """\
raceway: 1 of 1  WARNING  lock-order inversion  a, b  RW-11aa22  predicted
  Two threads take a and b in opposite orders: both can wait for ever.
  Predicted: no deadlock happened in this run. Another timing can cause it.

  Thread-1 (worker) took a   locks.py:2 in ab
  and then wanted b          locks.py:3 in ab   locks held: a
      1 │ def ab():
    > 2 │     with a:   ← took a
    > 3 │         with b:   ← wanted b
      4 │             pass
      started by   MainThread at bank.py:40 in main
  in the opposite order
  Thread-2 (worker) took b   locks.py:8 in ba
  and then wanted a          locks.py:10 in ba   locks held: b
       7 │ def ba():
    >  8 │     with b:   ← took b
       9 │         log("b")
    > 10 │         with a:   ← wanted a
      11 │             pass
      started by   MainThread at bank.py:41 in main

  order   Thread-1 (worker)   Thread-2 (worker)
      1   acquire   :2   a    ·
      2   ·                   acquire   :8   b
      3   wait for  :3   b    ·
      4   ·                   wait for  :10  a

  locks a (Lock, made at locks.py:20)
  fix   take a before b everywhere
  seen  once

"""

DATA_RACE = """\
raceway: 1 of 1  WARNING  data race  config['url']  RW-0badc0  predicted
  One thread writes config['url'] while another one reads it.
  Predicted: in this run, the order in which a lock happened to be taken kept it from happening.
  Nothing guarantees that order.

  write by MainThread   bank.py:17 in Account.close   locks held: none
      16 │ def close(self):
    > 17 │     self.balance = None
  conflicts with
  read by job reader    /elsewhere/gone.py:5 in publish   locks held: none
      (source not available; read 'x')

  why   only audit, taken in a lucky order, kept them apart
  seen  once

"""

SUMMARY = "5,204 accesses to 7 variables, 2 locks, 4 actors in 1 process\n"


@pytest.fixture
def render(read_line: Callable[[str, int], str | None], report: Report) -> Render:
    def run(*findings: Finding, **options: Any) -> str:
        settings: dict[str, Any] = {"color": False, "width": 100, "unicode": True, "root": "/app"}
        shown = replace(report, findings=findings, notes=())
        return render_text(shown, **{"read_line": read_line, **settings, **options})

    return run


@pytest.mark.parametrize(
    ("name", "options", "golden"),
    [
        ("lost_update", {}, LOST_UPDATE),
        ("lost_update", {"width": 60, "unicode": False}, LOST_UPDATE_NARROW),
        ("lost_update", {"width": 5, "unicode": False}, LOST_UPDATE_NARROW),
        ("inversion", {}, INVERSION),
        ("data_race", {}, DATA_RACE),
    ],
)
def test_golden_texts(
    name: str,
    options: dict[str, object],
    golden: str,
    render: Render,
    request: pytest.FixtureRequest,
) -> None:
    """A change of the text is a decision, not an accident."""
    text = render(request.getfixturevalue(name), **options)

    finding, _, summary = text.rpartition("raceway: ")
    assert golden == finding
    assert summary.endswith(SUMMARY)


def test_color_adds_nothing_but_escape_sequences(render: Render, lost_update: Finding) -> None:
    """The words are the same with and without colours."""
    colored = render(lost_update, color=True)

    assert "\x1b[1;31mCRITICAL\x1b[0m" in colored
    assert render(lost_update) == re.sub(r"\x1b\[[0-9;]*m", "", colored)


def test_an_unread_write_is_lost_whatever_comes_between(
    render: Render, lost_update: Finding
) -> None:
    """Releasing the lock after the write does not hide the remark."""
    steps = list(lost_update.steps)
    steps.insert(4, Step(1, "release", 27, "audit"))
    text = render(replace(lost_update, steps=tuple(steps)))

    assert "      6   write    :14  90      ·                     90  ← 70 lost\n" in text


def test_steps_without_values_have_no_value_column(render: Render, lost_update: Finding) -> None:
    """Without captured values the rest stays true."""
    steps = tuple(Step(s.actor, s.action, s.line) for s in lost_update.steps)
    text = render(replace(lost_update, steps=steps))

    assert (
        "  order   Thread-1 (worker)   Thread-2 (worker)\n      1   read     :12        ·\n" in text
    )


def test_many_actors_fall_back_to_a_list(render: Render, lost_update: Finding) -> None:
    """A table of eight columns helps nobody."""
    steps = (Step(0, "read", 12, "100"), Step(7, "write", 14, "70"), Step(99, "read"))
    text = render(replace(lost_update, steps=steps), width=60)

    assert "  order     1   Thread-1 (worker)   read   :12  100\n" in text
    assert "            2   actor 8   write  :14  70\n" in text
    assert "            3   actor 100   read\n" in text


def test_long_interleavings_are_cut(render: Render, lost_update: Finding) -> None:
    """The table ends, and says so."""
    text = render(replace(lost_update, steps=(Step(0, "read", 12),) * 50))

    assert "          10 more steps\n" in text


def test_a_sequence_on_one_line_is_marked_once(render: Render, lost_update: Finding) -> None:
    """``self.n += 1`` is a read and a write in the same place."""
    first, second, other = lost_update.accesses
    second = replace(second, stack=first.stack)
    text = render(replace(lost_update, accesses=(first, second, other)))

    assert "    > 12 │ current = self.balance   ← read 100, then wrote 90\n" in text


def test_distant_accesses_of_a_sequence_are_shown_apart(
    render: Render, lost_update: Finding
) -> None:
    """Two functions, two blocks, each with its callers; the start is told once."""
    first, second, other = lost_update.accesses
    second = replace(second, stack=(Frame("/app/bank.py", 21, "read_helper", first_line=20),))
    text = render(replace(lost_update, accesses=(first, second, other)))

    assert "  and then\n  write by Thread-1 (worker)   bank.py:21 in read_helper" in text
    assert text.count("started by   MainThread at bank.py:40") == 1


def test_actors_with_one_name_are_told_apart(render: Render, lost_update: Finding) -> None:
    """Threads started in a loop may share everything that is known of them."""
    same = Actor("worker")
    accesses = tuple(replace(access, actor=same) for access in lost_update.accesses)
    text = render(replace(lost_update, accesses=accesses))

    assert "  read by worker #1 " in text
    assert "  and then write by worker #1 " in text
    assert "  write by worker #2 " in text
    assert "  order   worker #1 " in text


def test_callers_are_limited_and_libraries_folded(render: Render, lost_update: Finding) -> None:
    """Four frames of the user's program; what is below it does not matter."""
    library = Frame("/venv/lib/python3.12/site-packages/flask/app.py", 1, "wsgi")
    callers = (Frame("/app/bank.py", n, f"f{n}") for n in range(50, 57))
    top = Frame("/app/bank.py", 17, "close", first_line=16)
    stack = (top, library, library, *callers, library)
    access = replace(lost_update.accesses[2], stack=stack)
    text = render(replace(lost_update, accesses=(access,)))

    shown = re.findall(r"(?:called from|   )  (bank\.py:5\d in f.*)\n", text)
    assert shown == [
        "bank.py:50 in f50  (through 2 library frames)",
        "bank.py:51 in f51",
        "bank.py:52 in f52",
        "bank.py:53 in f53  (and 3 more)",
    ]
    assert "site-packages" not in text


def test_a_cycle_of_three_names_each_lock(render: Render) -> None:
    """Each edge starts where the one before ends."""
    locks = tuple(LockRef(name) for name in "abc")
    frame = Frame("/gone.py", 1, "f")
    accesses: list[Access] = []
    for number, lock in enumerate(locks):
        actor = Actor(f"T{number}")
        accesses.append(Access("write", "acquire", actor, (frame,), role="outer"))
        accesses.append(Access("write", "acquire", actor, (frame,), (lock,), role="inner"))
    finding = Finding(
        "RW-3", "lock-order-inversion", "critical", "predicted", "", "", tuple(accesses), locks
    )
    text = render(finding)

    pairs = re.findall(r"(T\d) took (\w) .*\n  and then wanted (\w) ", text)
    assert pairs == [("T0", "a", "b"), ("T1", "b", "c"), ("T2", "c", "a")]
    assert text.count("\n  and\n") == 2


def test_hostile_text_is_neutralised(render: Render, lost_update: Finding) -> None:
    """Names, values and source lines cannot move the cursor, hide or reorder text."""
    evil = "\x1b]0;owned\x07\u202e\r\n\udc80\u200b"
    hidden = Actor(evil, started_by=evil)
    frame = Frame(f"/app/{evil}.py", 3, evil)
    access = Access("write", evil, hidden, (frame, frame), (LockRef(evil),), evil, has_value=True)
    finding = replace(
        lost_update, variable=evil, message=evil, why=evil, fix=evil, id=evil, accesses=(access,)
    )
    text = render(finding, read_line=lambda _file, _line: evil)

    assert not set(text) & set("\x1b\x07\u202e\r\udc80\u200b")
    assert r"\x1b]0;owned\x07\u202e\r\n\udc80\u200b" in text


def test_wide_characters_count_twice(render: Render, lost_update: Finding) -> None:
    """Columns stay aligned below East-Asian names."""
    first, second, other = lost_update.accesses
    other = replace(other, actor=Actor("工作线程"))
    text = render(replace(lost_update, accesses=(first, second, other)))

    assert "  order   Thread-1 (worker)     工作线程              acct.balance\n" in text


def test_ascii_needs_no_other_encoding(render: Render, lost_update: Finding) -> None:
    """Where only ASCII can be shown, quoted text is ASCII too."""
    text = render(replace(lost_update, variable="größe"), unicode=False)

    assert text.isascii()
    assert r"gr\xf6\xdfe" in text


def test_a_broken_reader_of_lines_is_survived(render: Render, lost_update: Finding) -> None:
    """The report matters more than its excerpts."""

    def read_line(file: str, line: int) -> str:
        raise UnicodeDecodeError("utf-8", b"", 0, 1, f"{file}:{line}")

    text = render(lost_update, read_line=read_line)

    assert "      (source not available; read 100; wrote 90)\n" in text
