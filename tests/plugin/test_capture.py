"""``raceway.testing.capture()``, in programs that know nothing of pytest."""

import re
import sys

import pytest

PROGRAM = """
import threading
import unittest
import raceway.testing
{prepared}
from shared import Account, both, watched, withdraw

early = threading.Lock()  # made when the module is imported


def deposit(account):
    with early:
        account.balance += 10


class Case(unittest.TestCase):
    def test_race(self):
        with raceway.testing.capture() as run:
            account = watched("account")
            self.assertEqual((), run.findings)
            both(withdraw, account)
            (sofar,) = run.findings
        (finding,) = run.findings
        self.assertEqual((finding.id, "critical"), (sofar.id, finding.severity))
        self.assertEqual("account.balance", finding.variable)
        self.assertEqual(run.findings, run.report.findings)
        self.assertIn("CRITICAL  data race  account.balance", run.text())

    def test_clean(self):
        with raceway.testing.capture() as run:
            account = watched("account")
            lock = threading.Lock()

            def safely():
                with lock:
                    withdraw(account)

            both(safely)
        self.assertEqual((), run.findings, run.text())
        self.assertTrue(run.report.counts.accesses)

    def test_nothing_of_before(self):
        with raceway.testing.capture() as first:
            both(withdraw, watched("one"))
        with raceway.testing.capture() as second:
            both(withdraw, watched("two"))
        self.assertEqual(["one.balance"], [one.variable for one in first.findings])
        self.assertEqual(["two.balance"], [one.variable for one in second.findings])

    def test_raises(self):
        with self.assertRaises(ZeroDivisionError):
            with raceway.testing.capture() as run:
                both(withdraw, watched("account"))
                1 / 0
        self.assertEqual(1, len(run.findings))

    def test_one_inside_the_other(self):
        with raceway.testing.capture() as outer:
            both(withdraw, watched("one"))
            with raceway.testing.capture() as inner:
                both(withdraw, watched("two"))
            both(withdraw, watched("three"))
        self.assertEqual(["two.balance"], [one.variable for one in inner.findings])
        names = sorted(one.variable for one in outer.findings)
        self.assertEqual(["one.balance", "three.balance", "two.balance"], names)

    {only_prepared}
    def test_lock_made_before(self):
        with raceway.testing.capture() as run:
            both(deposit, watched("account"))
        self.assertEqual((), run.findings, run.text())


class Off(unittest.TestCase):
    def test_off(self):
        with raceway.testing.capture() as run:
            both(withdraw, watched("account"))
        self.assertEqual((), run.findings)


if __name__ == "__main__":
    original = threading.Lock
    unittest.main(exit={exits})
    {last}
"""
UNTOUCHED = """
    assert type(watched("account")) is Account
    assert threading.Lock is original
    print("untouched")
"""


def write(suites, *, prepared):
    text = PROGRAM.format(
        prepared="raceway.testing.prepare()" if prepared else "",
        only_prepared="" if prepared else "@unittest.skip('not prepared')",
        exits=prepared,
        last="" if prepared else UNTOUCHED.strip(),
    )
    suites.write("cases.py", text)


@pytest.mark.parametrize("prepared", [False, True], ids=["plain", "prepared"])
def test_capture(suites, prepared):
    write(suites, prepared=prepared)
    ended = suites.bare("-W", "error", "cases.py", "Case")
    assert ended.status == 0, ended.err
    assert re.search("Ran [56] tests", ended.err)  # Python 3.12.1 does not count the skipped one
    assert prepared or ended.out == "untouched\n"
    assert [] == suites.left_over()


def test_capture_under_raceway_run(suites):
    """What was recorded before the block counts too."""
    write(suites, prepared=True)
    ended = suites.launched("--quiet", "--fail-on", "warning", sys.executable, "cases.py", "Case")
    assert ended.status == 66, ended.err
    assert "OK" in ended.err
    assert [] == suites.left_over()


def test_capture_switched_off(suites):
    write(suites, prepared=True)
    ended = suites.bare("cases.py", "Off", env={"RACEWAY_ENABLED": "0"})
    assert ended.status == 0, ended.err
    assert "Ran 1 test" in ended.err


def test_capture_when_sent_to_a_server(suites):
    suites.write("one.py", "import raceway.testing\nwith raceway.testing.capture():\n    pass\n")
    ended = suites.launched("--endpoint", "http://127.0.0.1:9", sys.executable, "one.py")
    assert ended.status == 1
    assert "UsageError: this process sends what it records to a server" in ended.err
