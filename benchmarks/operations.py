"""Single operations: plain, with Raceway in pure Python, and with its C extension.

One process measures the plain operation and the recorded one with the C extension, another one the
same without it; both stay, and take turns slice by slice.  The minimum of all slices counts, so
that other programs on the machine disturb all alike.  Chunks are thrown away: writing one out takes
about 20 ns for each op of it, 170 in pure Python.

A plain read takes 2 ns, too little for a steady ratio: what is compared with the baseline is what
an operation takes more, in terms of a bare ``with lock``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROUNDS = 40
UNROLLED = 20
LOOPS = 100
UNIT = "with Lock"


def run(options):
    """Measure all cases and print the table; return what was measured."""
    workers = {name: Worker(name == "pure") for name in ("accelerated", "pure")}
    cases = [name for name in workers["accelerated"].cases if options.only in name]
    best = {}
    for _ in range(options.rounds or ROUNDS):
        for case in cases:
            for name, worker in workers.items():
                for side, value in worker.slice(case).items():
                    key = case, side if side != "recorded" else name
                    best[key] = min(best.get(key, value), value)
    accelerated = workers["accelerated"].accelerated
    for worker in workers.values():
        worker.close()
    print(f"Single operations, ns; minimum of {options.rounds or ROUNDS} slices, loop subtracted")
    print(f"{'operation':22}{'plain':>8}{'pure':>8}{'ratio':>7}", end="")
    print(f"{'C':>8}{'ratio':>7}" if accelerated else "   (the C extension was not built)")
    results = {}
    unit = best.get((UNIT, "plain"), 0) - best.get((UNIT, "empty"), 0) or 100.0
    for case in cases:
        found = {
            side: max(best[case, side] - best[case, "empty"], 0.1)
            for side in ("plain", "pure", "accelerated")
        }
        if not accelerated:
            del found["accelerated"]
        plain = found["plain"]
        compared = {side: value / plain for side, value in found.items() if side != "plain"}
        more = {side: (found[side] - plain) / unit for side in compared}
        results[case] = {"ns": found, "ratios": more}
        print(f"{case:22}{plain:8.1f}", end="")
        print("".join(f"{found[one]:8.1f}{compared[one]:7.1f}" for one in compared))
    return results


class Worker:
    """A process that measures."""

    def __init__(self, pure):
        env = {**os.environ, "RACEWAY_PURE_PYTHON": "1" if pure else ""}
        root = str(Path(__file__).parent.parent)
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (root, env.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.operations_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        first, *self.cases = self._process.stdout.readline().rstrip("\n").split("\t")
        self.accelerated = first == "True"

    def slice(self, case):
        """Return the nanoseconds of one slice of each side."""
        self._process.stdin.write(f"{case}\n")
        self._process.stdin.flush()
        fields = map(float, self._process.stdout.readline().split())
        return dict(zip(("empty", "plain", "recorded"), fields, strict=True))

    def close(self):
        """End it."""
        self._process.stdin.close()
        self._process.wait()
