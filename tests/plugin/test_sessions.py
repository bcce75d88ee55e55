"""What ``--raceway`` does to a session as a whole: nothing, but for findings."""

import sys

import pytest

from raceway import pytest_plugin

RACES = """
from shared import both, rename, watched, withdraw

account = watched("account")

def test_critical():
    both(withdraw, account)

def test_warning():
    both(rename, account)
"""

LOADED = """
import sys

def test_loaded():
    names = {name for name in sys.modules if name.split(".")[0].startswith("raceway")}
    assert names <= {"raceway", "raceway.pytest_plugin"}

def test_fixture(raceway):
    one = {"a": 1}
    assert raceway.watch(one) is one
    assert raceway.findings() == ()
"""


def test_off_is_inert(suites):
    suites.write("test_loaded.py", LOADED)
    session = suites.pytest("-W", "error")
    assert {"test_loaded": "passed", "test_fixture": "passed"} == session.outcomes, session.out
    assert "raceway: " not in session.out
    assert not session.summary


@pytest.mark.parametrize(
    ("level", "failing"),
    [("critical", {"test_critical"}), ("never", set())],
)
def test_fail_on(suites, level, failing):
    suites.write("test_races.py", RACES)
    session = suites.pytest("--raceway", "--raceway-fail-on", level)
    assert failing == {name for name, how in session.outcomes.items() if how == "failure"}
    assert session.status == bool(failing)
    assert session.summary[-1].startswith("2 findings in 2 tests; "), session.out
    assert "  test_races.py::test_warning" in session.summary


def test_nothing_watched(suites):
    suites.write("test_plain.py", "def test_plain(): pass")
    (told,) = suites.pytest("--raceway").summary
    assert told.startswith("0 findings in 1 test; nothing watched was used")


def test_switched_off(suites):
    suites.write("test_races.py", RACES)
    session = suites.pytest("--raceway", env={"RACEWAY_ENABLED": "0"})
    assert {"test_critical": "passed", "test_warning": "passed"} == session.outcomes
    assert "raceway: off, by RACEWAY_ENABLED" in session.out
    assert not session.summary


AS_BARE = """
import logging
import sys
import threading
import warnings
import pytest
from shared import watched

account = watched("account")

def test_fails():
    values = [1, 2]
    assert values == [1, 3]

def test_fails_deeper():
    with threading.Lock():
        account.missing

def test_prints():
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.getLogger("app").warning("to the log")
    assert not "printed"

def test_captures(capfd):
    print("captured")
    assert capfd.readouterr().out == "captured\\n"

def test_fixture_fails(failing):
    pass

def test_fixture_fails_later(failing_later):
    pass

def test_warns():
    warnings.warn("noted", UserWarning)

def test_thread_raises():
    def fail():
        raise ValueError("in a thread")
    thread = threading.Thread(target=fail, name="failing")
    thread.start()
    thread.join()

@pytest.mark.xfail
def test_is_expected_to_fail():
    raise ValueError

def test_exits():
    raise SystemExit(3)
"""
AS_BARE_CONFTEST = """
import pytest

@pytest.fixture
def failing():
    raise ValueError("in setup")

@pytest.fixture
def failing_later():
    yield
    raise ValueError("in teardown")
"""


def test_as_bare(suites):
    """Outcomes, tracebacks, captured output and warnings are those of pytest alone."""
    suites.write("conftest.py", AS_BARE_CONFTEST)
    suites.write("test_bare.py", AS_BARE)
    with_us = suites.pytest("--raceway", "-ra")
    bare = suites.pytest("-ra")
    assert bare.bare == with_us.bare
    assert bare.outcomes == with_us.outcomes
    assert (bare.status, bare.err) == (with_us.status, with_us.err)
    assert len(set(bare.outcomes.values())) >= 4


def test_debugger(suites):
    """It is at the failure of the test's own, and comes up for a race as well."""
    own = "def test_own_failure():\n    wrong = 7\n    assert wrong == 8\n"
    suites.write("test_pdb.py", own + RACES)
    session = suites.pytest("--raceway", "--pdb", text="p 1000 + wrong\nc\nc\nc\n")
    assert "(Pdb) 1007" in session.out, session.out
    assert session.out.count("entering PDB") == 3


def test_under_raceway_run(suites):
    """Both see everything: the plugin judges tests, the run the program."""
    suites.write("test_races.py", RACES)
    session = suites.pytest("--raceway", launcher=("--fail-on", "critical"))
    assert {"test_critical": "failure", "test_warning": "failure"} == session.outcomes
    assert session.status == 66
    assert "raceway: 2 findings (1 critical, 1 warning)" in session.err, session.err
    assert [] == suites.left_over()


def test_workers_under_raceway_run(suites):
    """A worker looks at its own log, not at that of the other."""
    pytest.importorskip("xdist")
    suites.write("test_races.py", RACES)
    session = suites.pytest("--raceway", "-n", "2", launcher=("--quiet",))
    assert {"test_critical": "failure", "test_warning": "failure"} == session.outcomes
    for name in session.outcomes:
        assert len(session.properties[name]) == 1
    assert session.summary[-1].startswith("2 findings in 2 tests; "), session.out


def test_sent_to_a_server(suites):
    suites.write("test_races.py", RACES)
    session = suites.pytest("--raceway", launcher=("--endpoint", "http://127.0.0.1:9"))
    assert session.status == pytest.ExitCode.USAGE_ERROR
    assert "--raceway: this process sends what it records to a server" in session.err


def test_error_of_ours(suites):
    """Tests go on, and the summary says that they were not judged."""
    suites.write(
        "conftest.py",
        """
        from raceway.analysis import RunAnalysis

        def fail(self):
            raise RuntimeError("broken on purpose")

        RunAnalysis.catch_up = fail
        """,
    )
    suites.write("test_races.py", RACES)
    session = suites.pytest("--raceway")
    assert {"test_critical": "passed", "test_warning": "passed"} == session.outcomes
    told = "internal error: RuntimeError: broken on purpose; please report this"
    assert told in session.summary, session.out


def test_too_old_pytest(monkeypatch):
    monkeypatch.setattr(pytest, "version_tuple", (7, 4, 4))
    config = type("Config", (), {"pluginmanager": pytest.PytestPluginManager()})
    options = type("Options", (), {"raceway": True})
    with pytest.raises(pytest.UsageError, match="needs pytest 8"):
        pytest_plugin._begin(config, options)


def test_loaded_by_conftest(suites):
    """Where plugins are not loaded by themselves, it begins later."""
    suites.write("conftest.py", "pytest_plugins = ['raceway.pytest_plugin']")
    suites.write("test_races.py", RACES)
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = suites.bare("-m", "pytest", "--raceway", env=env)
    assert "2 failed" in done.out, done.out


def test_watched_by_name(suites):
    """Tests and the program know nothing of Raceway."""
    suites.write(
        "bank.py",
        "class Account:\n    balance = 100\n    def __init__(self):\n        self.n = 0\n",
    )
    suites.write(
        "test_bank.py",
        "from bank import Account\nfrom shared import both\n"
        "def test_race():\n    account = Account()\n    def add():\n        account.n += 1\n    both(add)\n"
        "def test_clean():\n    Account().n += 1\n",
    )
    assert "nothing watched was used" in suites.pytest("--raceway", "test_bank.py").out
    expected = {"test_race": "failure", "test_clean": "passed"}
    option = ("--raceway-watch", "bank:Account")
    assert suites.pytest("--raceway", *option, "test_bank.py").outcomes == expected
    refused = suites.pytest("--raceway", "--raceway-watch", "bank:", "test_bank.py")
    assert (4, True) == (refused.status, "--raceway-watch 'bank:' is not usable" in refused.err)
    suites.write("pyproject.toml", '[tool.raceway]\nwatch = ["bank:Account"]\n')
    if sys.version_info >= (3, 11):
        assert suites.pytest("--raceway", "test_bank.py").outcomes == expected


def test_watched_by_name_under_raceway_run(suites):
    """What is recorded already cannot be told to watch more; to be told the same is no matter."""
    suites.write("bank.py", "class Account: pass\n")
    suites.write("test_bank.py", "import bank\ndef test_it(): pass\n")
    option = ("--raceway", "--raceway-watch", "bank:Account", "test_bank.py")
    refused = suites.pytest(*option, launcher=("--quiet",))
    assert (4, True) == (refused.status, "raceway-run --watch" in refused.err)
    same = suites.pytest(*option, launcher=("--quiet", "--watch", "bank:Account"))
    assert (0, {"test_it": "passed"}) == (same.status, same.outcomes)
