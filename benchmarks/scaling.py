"""How the cost grows: with threads, watched objects, locks, tasks, and ops in the engine.

Each point is a process of its own.  A point is what one operation costs; where nothing grows, the
line is level.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.analysis import measured
from benchmarks.plot import Plot

PROGRAM = Path(__file__).parent / "programs" / "scaling_program.py"
SIZES = {
    "threads": (1, 2, 4, 8, 16, 32, 64),
    "objects": (1, 10, 100, 1_000, 10_000, 100_000),
    "locks": (1, 10, 100, 1_000, 10_000, 100_000),
    "tasks": (100, 1_000, 10_000, 100_000),
}
TITLES = {
    "threads": ("increments under one lock", "threads"),
    "objects": ("attribute += 1", "watched objects"),
    "locks": ("with lock", "locks"),
    "tasks": ("a short task with one write", "tasks"),
}
OPS = (10_000, 100_000, 1_000_000, 10_000_000)
ROUNDS = 3


def run(options):
    """Measure, print, and draw if that is wanted."""
    results = {}
    rounds = options.rounds or ROUNDS
    for name, sizes in SIZES.items():
        if options.only not in name:
            continue
        what, unit = TITLES[name]
        plot = Plot(f"{what}: microseconds each", unit, "us")
        print(f"{what}, us each by number of {unit}; end to end with the report")
        results[name] = {}
        for variant in ("plain", "program", "with the report"):
            plot.lines[variant] = []
        for size in sizes:
            best = min(point(name, size, plain=True)[0] for _ in range(rounds))
            ours = [point(name, size, plain=False) for _ in range(rounds)]
            nothing = min(point("nothing", 1, plain=False)[1] for _ in range(rounds))
            program = min(one[0] for one in ours) / ours[0][3]
            whole = (min(one[1] for one in ours) - nothing) / ours[0][3]
            best, memory = best / ours[0][3], min(one[2] for one in ours)
            print(f"{size:10,}{best:9.2f}{program:9.2f}{whole:9.2f}{memory:7.0f} MB", flush=True)
            results[name][str(size)] = {"us": [best, program, whole], "MB": memory}
            for variant, value in zip(plot.lines, (best, program, whole), strict=True):
                plot.lines[variant].append((size, value))
        save(plot, name, options)
    if options.only in "engine":
        results["engine"] = engine(options)
    return results


def point(name, size, *, plain):
    """Return us of CPU time of the program's work, us of all, the most MB, and how many it did."""
    program = [sys.executable, str(PROGRAM), name, str(size)]
    env = {one: value for one, value in os.environ.items() if not one.startswith("RACEWAY_")}
    if not plain:
        launcher = [sys.executable, "-m", "raceway_autopatch.launcher", "--quiet"]
        program = [*launcher, "--watch", "__main__:Item", *program]
    process = subprocess.Popen(program, env=env, stdout=subprocess.PIPE, text=True)
    told = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    whole = usage.ru_utime + usage.ru_stime  # of the program and of who analyses it
    return told["cpu"] * 1e6, whole * 1e6, usage.ru_maxrss / 1024, told["count"]


def engine(options):
    """The engine alone: us for each op, by how many there are."""
    found = {}
    plot = Plot("the analysis alone: microseconds for each op", "ops", "us")
    print("the analysis alone, us for each op by number of ops")
    for name in ("counter", "tasks", "queue", "objects"):
        plot.lines[name] = []
        for count in OPS:
            seconds, ops, memory = measured(name, count, pure=False)
            print(f"{name:10}{count:12,}{seconds / ops * 1e6:9.2f}{memory:7.0f} MB", flush=True)
            plot.lines[name].append((count, seconds / ops * 1e6))
            found[f"{name} {count}"] = {"us": seconds / ops * 1e6, "MB": memory}
    save(plot, "engine", options)
    return found


def save(plot, name, options):
    """Write the plot where it is wanted."""
    if options.plots:
        options.plots.mkdir(parents=True, exist_ok=True)
        (options.plots / f"{name}.svg").write_text(plot.svg())
