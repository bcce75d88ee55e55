"""Other tools that look for races at run time, each in a virtual environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

NAMES = ("raceguard", "pyvft", "threadcheck")
LOCKS = ("locked_counter.py", "acquire_release.py", "queue_pipeline.py", "lock_and_work.py")


class Rival:
    """One of them."""

    def __init__(self, name, python):
        self.name = name
        self._python = str(python)

    def can(self, file):
        """Tell whether it can do something about a program: it sees threads and locks only."""
        return file in LOCKS and not (self.name == "raceguard" and file == "acquire_release.py")

    def command(self, path):
        """Return the command that runs a program with it."""
        if self.name == "raceguard":
            return [self._python, str(path)]
        if self.name == "pyvft":
            return [self._python, "-m", "pyvft", str(path)]
        return [self._python, "-m", "threadcheck", "run", str(path)]

    def environment(self):
        """Return the environment for it."""
        return {
            **os.environ,
            "BENCHMARK_RIVAL": self.name,
            "PYTHONPATH": str(Path(__file__).parent),
        }


def installed():
    """Install what PyPI has for this Python; return it by name, and say what is missing."""
    found = {}
    for name in NAMES:
        folder = Path(tempfile.gettempdir()) / f"benchmark-rivals-{sys.version_info[1]}" / name
        python = folder / "bin" / "python"
        if not python.exists():
            venv.create(folder, with_pip=True)
        done = subprocess.run(
            # pyvft asks for 3.14, and runs on 3.13.
            [python, "-m", "pip", "install", "-q", "--ignore-requires-python", name],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        works = (
            done.returncode == 0
            and not subprocess.run(
                [python, "-c", f"import {name}"], capture_output=True, check=False
            ).returncode
        )
        if works:
            found[name] = Rival(name, python)
        else:
            print(f"{name}: cannot be installed for Python {sys.version.split()[0]}")
    return found
