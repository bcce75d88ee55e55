"""What ``--raceway`` makes of each test of a suite."""

import pytest
from plugin.conftest import SHARED

SUITE = """
import os
import posix
import threading
import unittest

import pytest
from raceway.pytest_plugin import RaceFound
from shared import both, rename, watched, withdraw

lock = threading.Lock()  # made while this module is imported
account = watched("account")

def deposit():
    with lock:
        account.balance += 10

def test_race():
    both(withdraw, account)

def test_clean():
    both(deposit)

def test_warning():
    both(rename, account)

@pytest.mark.raceway(expect="account.balance")
def test_expected():
    both(withdraw, account)

@pytest.mark.raceway(expect=["account.balance", "account.owner"])
def test_expects_another():
    both(withdraw, account)

@pytest.mark.raceway(expect="account.owner")
def test_finds_another():
    both(rename, account)
    both(withdraw, account)

@pytest.mark.raceway(off=True)
def test_off():
    both(withdraw, account)

@pytest.mark.xfail(raises=RaceFound, strict=True)
def test_known():
    both(withdraw, account)

def test_fails_by_itself():
    both(withdraw, account)
    assert "own" == "failure"

def test_skips():
    both(withdraw, account)
    pytest.skip("as it likes")

@pytest.mark.skip
def test_is_skipped():
    both(withdraw, account)

@pytest.mark.parametrize("many", [1, 2])
def test_parametrized(many):
    if many == 2:
        both(withdraw, account)

class TestOfUnittest(unittest.TestCase):
    def test_case_race(self):
        both(withdraw, account)

    def test_case_clean(self):
        both(deposit)

    def test_case_fails_by_itself(self):
        both(withdraw, account)
        self.assertEqual("own", "failure")

    @unittest.skip("as it likes")
    def test_case_is_skipped(self):
        both(withdraw, account)

@pytest.fixture
def racing():
    both(withdraw, account)
    yield

@pytest.fixture
def racing_at_the_end():
    yield
    both(withdraw, account)

@pytest.fixture
def failing_after_race():
    both(withdraw, account)
    raise ValueError("own failure")

def test_race_in_setup(racing):
    pass

def test_race_in_teardown(racing_at_the_end):
    pass

def test_told_once(racing_at_the_end):
    both(withdraw, account)

def test_setup_fails(failing_after_race):
    pass

@pytest.mark.raceway(expect="mine.balance")
def test_fixture(raceway):
    mine = raceway.watch(type(account)(), name="mine")
    both(deposit)
    assert raceway.findings() == ()
    both(withdraw, mine)
    assert [one.variable for one in raceway.findings()] == ["mine.balance"]

def test_lock_order():
    one, two = threading.Lock(), threading.Lock()
    reader, writer = os.pipe()  # keeps the two apart

    def first():
        with one, two:
            pass
        posix.write(writer, b".")  # which orders nothing for us

    def second():
        posix.read(reader, 1)
        with two, one:
            pass

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.close(reader)
    os.close(writer)
"""

CLEAN = {
    "test_clean", "test_expected", "test_off", "test_parametrized[1]", "test_case_clean",
    "test_fixture",
}  # fmt: skip
FAILURES = {
    "test_race", "test_warning", "test_expects_another", "test_finds_another",
    "test_fails_by_itself", "test_parametrized[2]", "test_case_race",
    "test_case_fails_by_itself", "test_race_in_setup", "test_told_once", "test_lock_order",
}  # fmt: skip
SKIPPED = {"test_skips", "test_is_skipped", "test_case_is_skipped", "test_known"}
ERRORS = {"test_race_in_teardown", "test_setup_fails"}

EXPECTED = {
    **dict.fromkeys(CLEAN, "passed"),
    **dict.fromkeys(FAILURES, "failure"),
    **dict.fromkeys(SKIPPED, "skipped"),
    **dict.fromkeys(ERRORS, "error"),
}


@pytest.fixture(scope="module", params=["alone", "xdist"])
def session(request, folder):
    if request.param == "xdist":
        pytest.importorskip("xdist")
    folder.write("test_bank.py", SUITE)
    workers = ("-n", "2") if request.param == "xdist" else ()
    ended = folder.pytest("--raceway", "-W", "error", *workers)
    assert [] == folder.left_over()
    return ended


def test_outcomes(session):
    assert EXPECTED == session.outcomes, session.out
    assert session.status == 1


def test_failure_is_the_report(session):
    lines = SHARED.splitlines()
    text = session.details["test_race"]
    assert "CRITICAL  data race  account.balance" in text
    assert "expected" not in text
    for mark in ("# read", "# written"):
        number = next(at for at, line in enumerate(lines, 1) if line.endswith(mark))
        assert f"> {number} │" in text
    assert "WARNING  lock-order inversion" in session.details["test_lock_order"]


def test_own_failure_stays_the_outcome(session):
    """What was found stands beside it."""
    for name in ("test_fails_by_itself", "test_case_fails_by_itself"):
        assert "'own' == 'failure'" in session.details[name].replace("!=", "==")
        assert "data race" not in session.details[name]
    sections = session.out.split("- raceway -")[1:]
    assert len(sections) == 2, session.out
    for section in sections:
        assert "\nraceway: 1 of 1  CRITICAL  data race  account.balance" in section
    assert "own failure" in session.details["test_setup_fails"]


def test_expectations(session):
    text = session.details["test_expects_another"]
    assert text == "raceway: expected to find a race on account.owner, and there was none"
    assert "1 of 1  CRITICAL  data race  account.balance" in session.details["test_finds_another"]


def test_told_once(session):
    """What has failed the test does not fail its end."""
    told = session.details["test_told_once"]
    assert told.count("1 of 1  CRITICAL  data race  account.balance") == 1


def test_junit_properties(session):
    (told,) = session.properties["test_race"]
    assert told.startswith("RW-")
    assert told.endswith(" critical data-race account.balance")
    assert [] == session.properties["test_clean"] == session.properties["test_off"]
    (told,) = session.properties["test_expected"]
    assert told.endswith("account.balance")


def test_summary(session):
    *findings, last = session.summary
    assert findings[0::3], session.out
    named = {line.strip().rpartition("::")[2] for line in findings[1::3]}
    silent = {"test_clean", "test_off", "test_parametrized[1]", "test_case_clean",
              "test_is_skipped", "test_case_is_skipped"}  # fmt: skip
    assert set(EXPECTED) - silent == named
    assert all(
        line.startswith("  shared.py:") or "test_bank.py:" in line for line in findings[2::3]
    )
    expected = [line for line in findings[0::3] if line.endswith("  expected")]
    assert len(expected) == 4
    assert last.startswith(f"{len(findings) // 3} findings in {len(EXPECTED)} tests; ")
