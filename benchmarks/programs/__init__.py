"""Whole programs: plain, under ``raceway-run`` in pure Python, and with the C extension.

Each program is run by itself and tells the CPU time and the wall time of its work, without the
start of the interpreter.  Variants take turns, and the minimum counts.  The analysis runs in a
process of its own at the same time, as ever.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.programs import rivals

ROUNDS = 4
HERE = Path(__file__).parent
PROGRAMS = {
    "locked counter": ("locked_counter.py", "__main__:Counter"),
    "acquire, release": ("acquire_release.py", ""),
    "queue pipeline": ("queue_pipeline.py", "__main__:Totals"),
    "Flask under load": ("flask_service.py", "__main__:Statistics"),
    "asyncio service": ("asyncio_service.py", "__main__:Statistics"),
    "asyncio echo": ("asyncio_service.py 80", "__main__:Statistics"),
    "lock and work": ("lock_and_work.py", "__main__:Totals"),
}
"""By name: the file with its arguments, and what ``--watch`` watches."""


def command(variant, file, watch):
    """Return the command for a variant of ours."""
    name, *arguments = file.split()
    program = [sys.executable, str(HERE / name), *arguments]
    if variant == "plain":
        return program
    options = ["--watch", watch] if watch else []
    return [sys.executable, "-m", "raceway_autopatch.launcher", "--quiet", *options, *program]


def environment(variant):
    """Return the environment of a variant of ours."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    return {**env, "RACEWAY_PURE_PYTHON": "1"} if variant == "pure" else env


def measured(arguments, env):
    """Return CPU and wall seconds of a program's work; None if it does not work."""
    done = subprocess.run(arguments, env=env, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            return told["cpu"], told["wall"]
    print(f"  {' '.join(arguments)}: {done.stderr.strip()[-300:] or 'no result'}")
    return None


def run(options):
    """Measure and print; the ratios are of CPU time."""
    others = rivals.installed() if options.rivals else {}
    results = {}
    rounds = options.rounds or ROUNDS
    print(f"Whole programs, ms of CPU time of their work; minimum of {rounds} runs")
    print(f"{'program':18}{'plain':>8}", end="")
    for variant in ("pure", "C", *others):
        print(f"{variant:>12}{'x':>8}", end="")
    print(f"{'C, wall x':>11}")
    for name, (file, watch) in PROGRAMS.items():
        if options.only not in name:
            continue
        variants = {
            variant: (command(variant, file, watch), environment(variant))
            for variant in ("plain", "pure", "accelerated")
        }
        for rival, tool in others.items():
            if tool.can(file):
                variants[rival] = tool.command(HERE / file), tool.environment()
        results[name] = _row(name, _minima(variants, rounds), others)
    return results


def _minima(variants, rounds):
    """Return by variant: the least CPU time and the least wall time."""
    best = {}
    for _ in range(rounds):
        for variant, (arguments, env) in list(variants.items()):
            found = measured(arguments, env)
            if found is None:
                del variants[variant]
                continue
            before = best.get(variant, found)
            best[variant] = tuple(map(min, before, found))
    return best


def _row(name, best, others):
    """Print a line; return what it says."""
    plain = best["plain"]
    compared = {
        variant: found[0] / plain[0] for variant, found in best.items() if variant != "plain"
    }
    print(f"{name:18}{plain[0] * 1e3:8.0f}", end="")
    for variant in ("pure", "accelerated", *others):
        if variant in best:
            print(f"{best[variant][0] * 1e3:12.0f}{compared[variant]:8.2f}", end="")
        else:
            print(f"{'-':>12}{'':>8}", end="")
    wall = best["accelerated"][1] / plain[1] if "accelerated" in best else float("nan")
    print(f"{wall:11.2f}", flush=True)
    return {
        "cpu seconds": {variant: found[0] for variant, found in best.items()},
        "wall seconds": {variant: found[1] for variant, found in best.items()},
        "ratios": compared,
    }
