"""Two small programs that show whether races are found here, and only races."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_PROGRAM: Final = """\
import threading

import raceway


class Counter:
    value = 0


def count():
    {lock}:
        counter.value += 1


counter = raceway.watch(Counter(), name="counter")
lock = threading.Lock()
threads = [threading.Thread(target=count) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
RACY: Final = _PROGRAM.format(lock="if True")
CORRECT: Final = _PROGRAM.format(lock="with lock")
_TIMEOUT: Final = 60
_OF_OTHER_RUNS: Final = (
    "RACEWAY_ENDPOINT", "RACEWAY_REPORT", "RACEWAY_FAIL_ON", "RACEWAY_BASELINE",
    "RACEWAY_SUPPRESSIONS", "RACEWAY_KEEP_RUN", "RACEWAY_RUN_DIR", "RACEWAY_RUN_OWNER",
)  # fmt: skip


def findings_of(program: str) -> tuple[int, str]:
    """Run a program under ``raceway-run``, in this environment, by this interpreter.

    Returns:
        The number of findings, or -1; and what the run had to say, if it went wrong.
    """
    env = {name: value for name, value in os.environ.items() if name not in _OF_OTHER_RUNS}
    with tempfile.TemporaryDirectory(prefix="raceway-doctor-") as folder:
        Path(folder, "program.py").write_text(program, encoding="utf-8")
        launcher = [sys.executable, "-m", "raceway_autopatch.launcher"]
        try:
            ended = subprocess.run(  # noqa: S603 - a program of ours
                [*launcher, "--report", "report.json", "program.py"],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
            document = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
            count = len(document["findings"])
        except subprocess.TimeoutExpired:
            return -1, f"it did not end within {_TIMEOUT} seconds"
        except (OSError, ValueError):
            told = ended.stderr.decode("utf-8", "replace").strip()
            return -1, told or f"it made no report, and ended with {ended.returncode}"
    if ended.returncode:
        return -1, f"it ended with {ended.returncode}"
    return count, ""
