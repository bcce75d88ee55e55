"""A small program and what the engine would say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from raceway.model.findings import (
    Access,
    Actor,
    Counts,
    Finding,
    Frame,
    LockRef,
    Report,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Callable

BANK = '''\
import threading
from shop import price

audit = threading.Lock()


class Account:
    balance = 100

    def withdraw(self, amount):
        """Take money out."""
        current = self.balance
        fee = price(amount)
        self.balance = current - amount

    def close(self):
        self.balance = None


def read_helper(acct):
    return acct.balance


def reserve(stock):
    n = stock["apple"]; stock["apple"] = n - 1
'''
LOCKS = """\
def ab():
    with a:
        with b:
            pass


def ba():
    with b:
        log("b")
        with a:
            pass
"""
FILES = {"/app/bank.py": BANK.splitlines(), "/app/locks.py": LOCKS.splitlines()}

THREADING = "/usr/lib/python3.11/threading.py"
COUNTS = Counts(events=9000, accesses=5204, actors=4, variables=7, objects=3, locks=2, processes=1)


def bank(line: int, function: str = "Account.withdraw", first_line: int = 10) -> Frame:
    return Frame("/app/bank.py", line, function, first_line=first_line)


def thread(number: int) -> Actor:
    start = (Frame(THREADING, 900, "Thread.start"), bank(39 + number, "main", 38))
    return Actor(f"Thread-{number} (worker)", "thread", "MainThread", start, 7)


@pytest.fixture
def read_line() -> Callable[[str, int], str | None]:
    def read(file: str, line: int) -> str | None:
        lines = FILES.get(file, [])
        return lines[line - 1] if 0 < line <= len(lines) else None

    return read


@pytest.fixture
def lost_update() -> Finding:
    """A withdrawal that another one overwrites."""
    run = Frame(THREADING, 950, "Thread.run")
    one, two = thread(1), thread(2)
    worker, audited = (bank(31, "worker", 30), run), (run, bank(26, "audited_worker", 24))
    lock = LockRef("audit", "Lock", "/app/bank.py:4")
    return Finding(
        "RW-7f3a9c",
        "atomicity-violation",
        "critical",
        "observed",
        "acct.balance",
        "Thread-1 wrote acct.balance from a value it had read before Thread-2's write:"
        " that write is lost.",
        (
            Access("read", "read", one, (bank(12), *worker), (), 100, True, "first"),
            Access("write", "write", one, (bank(14), *worker), (), 90, True, "second"),
            Access("write", "write", two, (bank(14), *audited), (lock,), 70, True, "other"),
        ),
        (lock,),
        "no common lock: {} and {audit}; nothing orders the two",
        "hold one lock over lines 12-14 in both threads",
        (
            Step(0, "read", 12, "100"),
            Step(1, "acquire", 25, "audit"),
            Step(1, "read", 12, "100"),
            Step(1, "write", 14, "70"),
            Step(0, "write", 14, "90"),
        ),
        3,
        7,
    )


@pytest.fixture
def inversion() -> Finding:
    """Two locks in both orders."""
    a, b = LockRef("a", "Lock", "/app/locks.py:20"), LockRef("b", "RLock")

    def taken(
        number: int, line: int, function: str, first: int, held: tuple[LockRef, ...]
    ) -> Access:
        frame = Frame("/app/locks.py", line, function, first_line=first)
        return Access(
            "write",
            "acquire",
            thread(number),
            (frame,),
            held,
            role="inner" if held else "outer",
        )

    return Finding(
        "RW-11aa22",
        "lock-order-inversion",
        "warning",
        "predicted",
        "",
        "Two threads take a and b in opposite orders: both can wait for ever.",
        (
            taken(1, 2, "ab", 1, ()),
            taken(1, 3, "ab", 1, (a,)),
            taken(2, 8, "ba", 7, ()),
            taken(2, 10, "ba", 7, (b,)),
        ),
        (a, b),
        fix="take a before b everywhere",
        steps=(
            Step(0, "acquire", 2, "a"),
            Step(1, "acquire", 8, "b"),
            Step(0, "wait for", 3, "b"),
            Step(1, "wait for", 10, "a"),
        ),
    )


@pytest.fixture
def data_race() -> Finding:
    """A write and a read of two asyncio tasks' threads, without values, steps or source."""
    gone = Frame("/elsewhere/gone.py", 5, "publish")
    return Finding(
        "RW-0badc0",
        "data-race",
        "warning",
        "predicted",
        "config['url']",
        "One thread writes config['url'] while another one reads it.",
        (
            Access("write", "write", Actor("MainThread", "main"), (bank(17, "Account.close", 16),)),
            Access("read", "read", Actor("reader", "job"), (gone,), value="x", has_value=True),
        ),
        why="only audit, taken in a lucky order, kept them apart",
    )


@pytest.fixture
def report(lost_update: Finding, inversion: Finding, data_race: Finding) -> Report:
    """All three, with a note."""
    return Report(
        (lost_update, inversion, data_race),
        COUNTS,
        notes=("1 lock made before start-up (bank.py:5)",),
        command=("python", "bank.py"),
        exit_status=0,
    )
