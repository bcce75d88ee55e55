"""Suites of tests in child processes, with and without ``--raceway``."""

import re
import tempfile
import xml.etree.ElementTree as ET
from importlib.metadata import entry_points

import pytest
from launcher.conftest import Bench

_INSTALLED = any(one.name == "raceway" for one in entry_points(group="pytest11"))
PLUGIN = () if _INSTALLED else ("-p", "raceway.pytest_plugin")

SHARED = '''
import threading
import raceway

class Account:
    def __init__(self):
        self.balance = 100
        self.owner = ""

def watched(name):
    return raceway.watch(Account(), name=name)

def both(function, *arguments):
    """Run it in two threads that nothing orders."""
    threads = [threading.Thread(target=function, args=arguments) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

def withdraw(account):
    balance = account.balance  # read
    account.balance = balance - 10  # written

def rename(account):
    account.owner = threading.current_thread().name
'''


class Session:
    """How a session of pytest has ended.

    Attributes:
        outcomes: By test: ``passed``, ``failed`` ...
        details: By test: the text of its failure.
        properties: By test: what is about races.
    """

    def __init__(self, done, document):
        self.status, self.out, self.err = done
        self.outcomes = {}
        self.details = {}
        self.properties = {}
        for case in ET.fromstring(document).iter("testcase") if document else ():
            name = case.get("name")
            told = [one for one in case if one.tag in ("failure", "error", "skipped")]
            self.outcomes[name] = "+".join(one.tag for one in told) or "passed"
            self.details[name] = "\n".join(one.text or one.get("message") for one in told)
            properties = case.iter("property")
            self.properties[name] = [
                one.get("value") for one in properties if one.get("name") == "raceway"
            ]

    @property
    def summary(self):
        """The lines of our section at the end."""
        _, _, rest = self.out.partition("= raceway =")
        lines = rest.splitlines()[1:]
        end = [at for at, line in enumerate(lines) if line.startswith("==")]
        return lines[: end[0]] if end else lines

    @property
    def bare(self):
        """What pytest printed without what is ours, and without what takes time."""
        begun, _, rest = self.out.partition("= raceway =")
        kept = begun.rstrip("\n=") + rest[rest.index("\n==") :] if rest else begun
        lines = [line for line in kept.splitlines() if not line.startswith("raceway:")]
        return re.sub(r"in \d+\.\d+s|=+", "", "\n".join(lines))


class Suites(Bench):
    """A folder with tests, and how to run them."""

    def __init__(self, folder, temporary):
        super().__init__(folder, temporary)
        del self.env["RACEWAY_PATCH"]
        for name in list(self.env):
            if name.startswith("PYTEST_"):
                del self.env[name]
        self.write("pytest.ini", "[pytest]\naddopts = -p no:asyncio -p no:cacheprovider\n")
        self.write("shared.py", SHARED)
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"

    def pytest(self, *arguments, launcher=(), **options):
        """Run the tests of the folder, or those that the arguments name."""
        command = ("-m", "pytest", *PLUGIN, "--junitxml=outcome.xml", *arguments)
        result = self.folder / "outcome.xml"
        result.unlink(missing_ok=True)
        if launcher:
            done = self.launched(*launcher, self.python, *command, **options)
        else:
            done = self.bare(*command, **options)
        return Session(done, result.read_text() if result.exists() else "")

    @property
    def python(self):
        return self.launcher[0]

    def left_over(self):
        """What lies in the folder for temporary files, and is ours."""
        return [name for name in super().left_over() if name.startswith("raceway-")]


@pytest.fixture
def suites(tmp_path):
    with tempfile.TemporaryDirectory(prefix="rw-", ignore_cleanup_errors=True) as temporary:
        yield Suites(tmp_path, temporary)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same, for tests that look at one session together."""
    path = tmp_path_factory.mktemp("suite")
    with tempfile.TemporaryDirectory(prefix="rw-", ignore_cleanup_errors=True) as temporary:
        yield Suites(path, temporary)
