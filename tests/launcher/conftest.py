"""Programs in child processes, bare and under ``raceway-run``."""

import os
import subprocess
import sys
import tempfile
import textwrap
from typing import NamedTuple

import pytest

import raceway_autopatch
from raceway_autopatch.registry import ORDER

PARENT = os.path.dirname(os.path.dirname(os.path.abspath(raceway_autopatch.__file__)))
BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(raceway_autopatch.__file__)), "bootstrap")
NO_PATCHES = ",".join(f"-{name}" for name in ORDER)
TIMEOUT = 60

DRIVER = """
import sys, types
import raceway_autopatch.launcher as launcher
from raceway.model.findings import *

def finding(severity):
    frame = Frame("app.py", 3, "f")
    access = Access("write", "write", Actor("T"), (frame,))
    return Finding("RW-1", "data-race", severity, "observed", "x.y", "It is lost.", (access, access))

class RunAnalysis:
    def __init__(self, run_dir, **options):
        {init}
    def step(self):
        {step}
    def is_busy(self):
        return False
    def catch_up(self, go_on):
        {catch_up}
    def finish(self, command, exit_status, reaped):
        {finish}
        return Report(findings=tuple(map(finding, {severities!r})), counts=Counts(processes=1),
                      command=command, exit_status=exit_status)

sys.modules["raceway.analysis"] = types.SimpleNamespace(RunAnalysis=RunAnalysis)
sys.exit(launcher.main())
"""


class Outcome(NamedTuple):
    """How a program ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def own(self):
        """The same without what raceway added to stderr."""
        lines = self.err.splitlines(keepends=True)
        kept = (line for line in lines if not line.startswith(("raceway:", "  raceway")))
        return self._replace(err="".join(kept))


class Bench:
    """A folder with programs, and the two ways to run them."""

    def __init__(self, folder, temporary):
        self.folder = folder
        self.temporary = temporary
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RACEWAY_", "PYTHON", "COV_"))
        }
        self.env["PYTHONPATH"] = PARENT
        self.env["RACEWAY_PATCH"] = NO_PATCHES
        self.env["TMPDIR"] = temporary
        self.launcher = [sys.executable, "-m", "raceway_autopatch.launcher"]

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return name

    def fake_analysis(
        self, severities=(), init="pass", step="pass", finish="pass", catch_up="pass"
    ):
        text = DRIVER.format(
            severities=severities, init=init, step=step, finish=finish, catch_up=catch_up
        )
        (self.folder / "driver").mkdir(exist_ok=True)
        (self.folder / "driver" / "driver.py").write_text(text)
        self.launcher = [sys.executable, str(self.folder / "driver" / "driver.py")]

    def run(self, *command, env=None, text=""):
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.env, **(env or {})},
            input=text,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def bare(self, *arguments, **options):
        return self.run(sys.executable, *arguments, **options)

    def launched(self, *arguments, **options):
        return self.run(*self.launcher, *arguments, **options)

    def start(self, *command, **options):
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def left_over(self):
        """What lies in the folder for temporary files."""
        return os.listdir(self.temporary)


@pytest.fixture
def bench(tmp_path):
    # Not below tmp_path: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="rw-", ignore_cleanup_errors=True) as temporary:
        yield Bench(tmp_path, temporary)
