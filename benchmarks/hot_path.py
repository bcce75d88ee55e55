"""What a recorded access costs, beside the same access to a plain object, in one run.

Each statement is compiled on its own and repeated by an unrolled loop; plain and tracked take
turns, and the minimum of all rounds counts, so that another program on the machine disturbs both
alike.  The recorder runs, chunks are cut off and thrown away.

    python benchmarks/hot_path.py
"""

from __future__ import annotations

import pathlib
import sys
import time
from collections import deque

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from raceway.record import recorder
from raceway.watch import watch

UNROLLED = 20
LOOPS = 200
ROUNDS = 60


class Discard:
    """A sink that keeps nothing."""

    def write(self, chunk, definitions):
        pass

    def after_fork(self):
        pass


class Account:
    def __init__(self):
        self.balance = 0


class Slotted:
    __slots__ = ("balance",)

    def __init__(self):
        self.balance = 0


def runner(statement):
    """Return a function that runs ``statement`` on ``o``, without the cost of a loop."""
    lines = "\n        ".join([statement] * UNROLLED)
    source = f"def run(o):\n    for _ in range({LOOPS}):\n        {lines}\n"
    namespace = {}
    exec(compile(source, f"<{statement}>", "exec"), namespace)
    return namespace["run"]


def measure(statement, plain, tracked):
    """Return the nanoseconds for one ``statement``: plain, tracked."""
    best = [float("inf"), float("inf")]
    runs = [runner(statement), runner(statement)]  # own inline caches for each
    for _ in range(ROUNDS):
        for side, make in enumerate((plain, tracked)):
            obj = make() if statement.startswith("o.append") else make
            before = time.perf_counter_ns()
            runs[side](obj)
            best[side] = min(best[side], time.perf_counter_ns() - before)
    return [side / UNROLLED / LOOPS for side in best]


def main():
    recorder.start(Discard())
    empty = measure("pass", None, None)[0]
    many = [watch(Account(), "acct") for _ in range(300)]
    cases = [
        ("attribute read", "o.balance", Account(), many[0]),
        ("attribute write", "o.balance = 1", Account(), many[0]),
        ("attribute += 1", "o.balance += 1", Account(), many[0]),
        ("slot read", "o.balance", Slotted(), watch(Slotted(), "slotted")),
        ("shared class read", "o.balance", Account(), many[-1]),
        ("shared class write", "o.balance = 1", Account(), many[-1]),
        ("dict d[k]", "o['k']", {"k": 1}, watch({"k": 1}, "d")),
        ("dict d[k] = 1", "o['k'] = 1", {"k": 1}, watch({"k": 1}, "d")),
        ("dict get", "o.get('k')", {"k": 1}, watch({"k": 1}, "d")),
        ("k in dict", "'k' in o", {"k": 1}, watch({"k": 1}, "d")),
        ("list l[0]", "o[0]", [1], watch([1], "l")),
        ("list l[0] = 1", "o[0] = 1", [1], watch([1], "l")),
        ("list append", "o.append(1)", list, lambda: watch([], "l")),
        ("deque append", "o.append(1)", deque, lambda: watch(deque(), "q")),
        ("set add, present", "o.add(1)", {1}, watch({1}, "s")),
    ]
    print(f"Python {sys.version.split()[0]}, ns (minimum of {ROUNDS} rounds), loop subtracted")
    print(f"{'operation':20} {'plain':>8} {'tracked':>8} {'ratio':>7}")
    for title, statement, plain, tracked in cases:
        bare, full = (max(side - empty, 0.1) for side in measure(statement, plain, tracked))
        print(f"{title:20} {bare:8.1f} {full:8.1f} {full / bare:7.1f}")
    recorder.stop()


if __name__ == "__main__":
    main()
