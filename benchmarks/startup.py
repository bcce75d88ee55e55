"""What the start of an interpreter costs under ``raceway-run``: time and modules.

    python benchmarks/startup.py [RUNS]

Compares ``python -c pass`` without and with the bootstrap, side by side.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import raceway_autopatch

BOOTSTRAP = str(Path(raceway_autopatch.__file__).parent / "bootstrap")
SHOW = "import sys; print(*sys.modules)"
PROGRAMS = {
    "pass": "pass",
    "import threading": "import threading",
    "import asyncio": "import asyncio",
}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as run_dir:
        recorded = {**bare, "PYTHONPATH": BOOTSTRAP, "RACEWAY_RUN_DIR": run_dir}
        added = sorted(modules(recorded) - modules(bare))
        print(f"python -c pass: {len(added)} modules more: {', '.join(added)}")
        for name, program in PROGRAMS.items():
            one, two = measure(program, bare, recorded, runs)
            print(f"{name}: bare {one:.1f} ms, recorded {two:.1f} ms, {two - one:+.1f} ms")


def modules(env: dict[str, str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW], env=env, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def measure(
    program: str, bare: dict[str, str], recorded: dict[str, str], runs: int
) -> tuple[float, float]:
    """Return the medians in milliseconds; the two take turns, so that load meets both."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in range(runs + 1):
        for env, taken in zip((bare, recorded), times, strict=True):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], env=env, check=True)
            if run:  # the first writes the compiled modules
                taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


if __name__ == "__main__":
    main()
