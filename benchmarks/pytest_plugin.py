"""What ``pytest --raceway`` costs a suite of trivial tests, and the plugin when it is off.

    python benchmarks/pytest_plugin.py [RUNS]

Compares the plugin blocked, loaded, and at work, side by side.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import entry_points
from pathlib import Path

TESTS = 200
INSTALLED = any(one.name == "raceway" for one in entry_points(group="pytest11"))
LOADED = ["-p", "raceway" if INSTALLED else "raceway.pytest_plugin"]
WAYS = {
    "blocked": ["-p", "no:raceway"],
    "off": LOADED,
    "on": [*LOADED, "--raceway"],
}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        tests = "".join(f"def test_{number}(): pass\n" for number in range(TESTS))
        Path(folder, "test_trivial.py").write_text(tests, encoding="utf-8")
        Path(folder, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        for run in range(runs + 1):
            for way, options in WAYS.items():
                seconds = measure(folder, options)
                if run:  # the first writes the compiled modules
                    taken[way].append(seconds)
    bare = statistics.median(taken["blocked"])
    for way, times in taken.items():
        median = statistics.median(times)
        print(f"{way}: {median * 1000:.0f} ms for {TESTS} tests, {median / bare:.2f} times blocked")


def measure(folder: str, options: list[str]) -> float:
    command = [sys.executable, "-m", "pytest", "-q", *options]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    begun = time.perf_counter()
    subprocess.run(command, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
