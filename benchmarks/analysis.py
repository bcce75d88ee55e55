"""The analysis alone, for histories of different shapes: :mod:`benchmarks.engine`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OPS = 200_000
ROUNDS = 3
SCRIPT = Path(__file__).with_name("engine.py")
HISTORIES = ("counter", "reads", "tasks", "objects", "callbacks", "threads", "queue")


def measured(name, count, *, pure):
    """Return seconds of CPU, ops and peak memory in MB of one run."""
    env = {**os.environ, "RACEWAY_PURE_PYTHON": "1" if pure else ""}
    command = [sys.executable, str(SCRIPT), "--measure", str(count), name]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.split()))


def run(options):
    """Measure and print; the ratios are microseconds for each op, against those of ``counter``."""
    names = [name for name in HISTORIES if options.only in name]
    best = {}
    for _ in range(options.rounds or ROUNDS):
        for name in names:
            for variant in ("pure", "accelerated"):
                seconds, count, memory = measured(name, OPS, pure=variant == "pure")
                key = name, variant
                best[key] = min(best.get(key, (1e9, 0)), (seconds / count, memory))
    print(f"The analysis alone, {OPS:,} ops; us of CPU time for each, ops a second, peak memory")
    print(f"{'history':12}{'pure':>8}{'ops/s':>11}{'C':>8}{'ops/s':>11}{'MB':>6}")
    results = {}
    for name in names:
        pure, (fast, memory) = best[name, "pure"][0], best[name, "accelerated"]
        results[name] = {
            "us": {"pure": pure * 1e6, "accelerated": fast * 1e6},
            "MB": memory,
            "ratios": {"accelerated to pure": fast / pure},
        }
        print(
            f"{name:12}{pure * 1e6:8.2f}{1 / pure:11,.0f}{fast * 1e6:8.2f}{1 / fast:11,.0f}", end=""
        )
        print(f"{memory:6.0f}")
    return results
