"""What is suppressed or known fails no test of ``pytest --raceway``."""

import json
import re

SUITE = """
import pytest
from shared import both, rename, watched, withdraw

account = watched("account")

def test_balance():
    both(withdraw, account)

def test_owner():
    both(rename, account)

@pytest.mark.raceway(expect="account.owner")
def test_expected():
    both(rename, account)

def test_asks(raceway):
    both(rename, account)
    both(withdraw, account)
    assert [one.variable for one in raceway.findings()] == ["account.balance"]
"""


def test_suppressed(suites):
    suites.write("test_bank.py", SUITE)
    suites.write("pyproject.toml", """
        [[tool.raceway.suppress]]
        variable = "account.owner"
        reason = "the last one counts"

        [[tool.raceway.suppress]]
        variable = "account.balance"
    """)  # fmt: skip

    session = suites.pytest("--raceway")

    assert session.outcomes == {
        "test_balance": "failure",
        "test_owner": "passed",
        "test_expected": "passed",
        "test_asks": "failure",
    }
    assert "account.owner" not in session.details["test_asks"]
    *_, problem, last = session.summary
    assert problem.startswith("pyproject.toml:6: [[tool.raceway.suppress]] does not count: ")
    assert last.startswith("3 findings in 4 tests, 2 suppressed or known; ")
    assert session.properties["test_owner"] == []


def test_known(suites):
    suites.write("test_bank.py", SUITE)
    before = suites.pytest("--raceway")
    (fingerprint,) = re.findall(r"RW-\w+", before.properties["test_balance"][0])
    known = {"schema": "raceway-baseline/1", "findings": [{"fingerprint": fingerprint}]}
    suites.write("known.json", json.dumps(known))

    session = suites.pytest("--raceway", env={"RACEWAY_BASELINE": "known.json"})

    assert before.outcomes["test_balance"] == "failure"
    assert session.outcomes["test_balance"] == "passed"
    assert session.outcomes["test_owner"] == "failure"
