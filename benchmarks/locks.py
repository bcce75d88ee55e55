"""What a traced lock costs: bare against ours, in nanoseconds, with the loop taken off.

    python benchmarks/locks.py [rounds]

Each round measures every variant once, in turn, and the minimum of all rounds counts: other
programs on the machine can only make a slice longer.  The ops are thrown away, so that this is
what the program's own threads pay before a chunk is written out.
"""

from __future__ import annotations

import _thread
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from raceway.record import recorder
from raceway_autopatch import locks

COUNT = 500
LIMIT = 6.5
"""The most that ``with lock`` may cost, as a multiple of the bare lock.

Measured: 4.9 to 5.4.  A version without site, stack and length check costs 3.2: the 3.3 that
were hoped for take an accelerator in C.
"""


class Nowhere:
    """A sink that keeps nothing."""

    def write(self, chunk, definitions):
        """Throw away."""

    def after_fork(self):
        """Nothing to do."""


def slice_source(body: str) -> str:
    loop = f" for _ in range({COUNT}):\n  {body}\n"
    return f"def run(lock, make, clock):\n b = clock()\n{loop} return clock() - b\n"


BODIES = {
    "with lock": "with lock: pass",
    "acquire, release": "lock.acquire(); lock.release()",
    "create": "make()",
}


def compiled(body: str):
    """Return a function of its own for each variant, or they would share specialised code."""
    namespace: dict = {"__name__": "measured"}
    exec(slice_source(body), namespace)
    return namespace["run"]


def measure(rounds: int) -> list[tuple[str, float, float]]:
    def bare_rlock():
        return _thread.RLock()

    kinds = {"Lock": _thread.allocate_lock, "RLock": bare_rlock}
    ours = {"Lock": locks.lock_factory(_thread.allocate_lock)}
    ours["RLock"] = locks.rlock_factory(bare_rlock)[0]
    if sys.version_info >= (3, 13):
        kinds["Lock"] = _thread.lock
        ours["Lock"] = locks.lock_factory(_thread.lock)
    variants = {}
    for kind, make in kinds.items():
        for name, body in BODIES.items():
            for side, maker in (("bare", make), ("ours", ours[kind])):
                variants[kind, name, side] = compiled(body), maker(), maker
    best = dict.fromkeys(variants, 1e9)
    empty, floor = compiled("pass"), 1e9
    clock = time.perf_counter
    for _ in range(rounds):
        floor = min(floor, empty(None, None, clock))
        for key, (run, lock, maker) in variants.items():
            best[key] = min(best[key], run(lock, maker, clock))
            recorder.flush()
    rows = []
    for kind in kinds:
        for name in BODIES:
            bare, own = (
                (best[kind, name, side] - floor) / COUNT * 1e9 for side in ("bare", "ours")
            )
            rows.append((f"{kind}: {name}", bare, own))
    return rows


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    recorder.start(Nowhere())
    print(f"Python {sys.version.split()[0]}, minimum of {rounds} rounds of {COUNT}")
    print(f"{'':26}{'bare ns':>9}{'ours ns':>9}{'ratio':>7}")
    missed = False
    for name, bare, own in measure(rounds):
        missed |= name == "Lock: with lock" and own / bare > LIMIT
        print(f"{name:26}{bare:9.0f}{own:9.0f}{own / bare:7.1f}")
    recorder.stop()
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
