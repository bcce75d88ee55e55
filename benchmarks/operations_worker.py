"""Measures slices of single operations, as :mod:`benchmarks.operations` asks for them."""

from __future__ import annotations

import _thread
import sys
import time
from collections import deque

from benchmarks.operations import LOOPS, UNROLLED
from raceway.record import recorder
from raceway.record.accelerator import accelerator
from raceway.watch import watch
from raceway_autopatch import locks

LOCKS = ("with lock: pass", "lock.acquire(); lock.release()")


class Discard:
    """A sink that keeps nothing."""

    takes_buffers = True

    def write(self, chunk, definitions):
        """Throw away."""

    def after_fork(self):
        """Do nothing."""


class Account:
    """Something to watch."""

    def __init__(self):
        self.balance = 0


class Slotted:
    """The same with a slot."""

    __slots__ = ("__weakref__", "balance")

    def __init__(self):
        self.balance = 0


class Whole:
    """A class that is watched as a whole."""

    def __init__(self):
        self.balance = 0


def bare_rlock():
    """Make a lock, as the function does that ``threading.RLock`` is."""
    return _thread.RLock()


def compiled(statement):
    """Return a function that repeats a statement, with inline caches of its own."""
    lines = "\n        ".join([statement] * UNROLLED)
    source = f"def run(o, lock):\n    for _ in range({LOOPS}):\n        {lines}\n"
    namespace = {"__name__": "program"}  # is looked up where a lock is made
    exec(compile(source, f"<{statement}>", "exec"), namespace)
    return namespace["run"]


def cases():
    """Return by name: statement, plain object or its maker, recorded one or its maker."""
    watch(Whole)
    many = [watch(Account(), "account") for _ in range(300)]
    numbers = range(UNROLLED * LOOPS + 8)
    lock = _thread.allocate_lock if sys.version_info < (3, 13) else _thread.lock
    traced = locks.lock_factory(lock)
    traced_rlock = locks.rlock_factory(bare_rlock)[0]
    return {
        "attribute read": ("o.balance", Account(), many[0]),
        "attribute write": ("o.balance = 1", Account(), many[0]),
        "attribute += 1": ("o.balance += 1", Account(), many[0]),
        "slot read": ("o.balance", Slotted(), watch(Slotted(), "slotted")),
        "slot write": ("o.balance = 1", Slotted(), watch(Slotted(), "slotted")),
        "shared class read": ("o.balance", Account(), many[-1]),
        "shared class write": ("o.balance = 1", Account(), many[-1]),
        "watched class read": ("o.balance", Account(), Whole()),
        "watched class write": ("o.balance = 1", Account(), Whole()),
        "dict d[k]": ("o['k']", {"k": 1}, watch({"k": 1}, "d")),
        "dict d[k] = 1": ("o['k'] = 1", {"k": 1}, watch({"k": 1}, "d")),
        "dict get": ("o.get('k')", {"k": 1}, watch({"k": 1}, "d")),
        "k in dict": ("'k' in o", {"k": 1}, watch({"k": 1}, "d")),
        "list l[0]": ("o[0]", [1], watch([1], "l")),
        "list l[0] = 1": ("o[0] = 1", [1], watch([1], "l")),
        "list append": ("o.append(1)", list, lambda: watch([], "l")),
        "deque append": ("o.append(1)", deque, lambda: watch(deque(), "q")),
        "deque popleft": (
            "o.popleft()",
            lambda: deque(numbers),
            lambda: watch(deque(numbers), "q"),
        ),
        "set add, present": ("o.add(1)", {1}, watch({1}, "s")),
        "in set": ("1 in o", {1}, watch({1}, "s")),
        "with Lock": (LOCKS[0], lock(), traced()),
        "with RLock": (LOCKS[0], _thread.RLock(), traced_rlock()),
        "Lock acquire, release": (LOCKS[1], lock(), traced()),
        "Lock creation": ("o()", lambda: lock, lambda: traced),
        "unwatched object": ("o.balance", Account(), Account()),
        "method of watched": ("o.__init__", Account(), many[1]),
    }


def timed(function, obj):
    """Return the nanoseconds of one statement."""
    obj = obj() if callable(obj) else obj
    before = time.perf_counter_ns()
    function(obj, obj)
    return (time.perf_counter_ns() - before) / UNROLLED / LOOPS


def main():
    """Answer until the input ends."""
    recorder.start(Discard())
    known = cases()
    empty = compiled("pass")
    runs = {name: (compiled(one[0]), compiled(one[0])) for name, one in known.items()}
    print(accelerator is not None, *known, sep="\t", flush=True)
    for line in sys.stdin:
        name = line.rstrip("\n")
        _, plain, recorded = known[name]
        sides = (
            timed(empty, None),
            timed(runs[name][0], plain),
            timed(runs[name][1], recorded),
        )
        print(*sides, flush=True)
    recorder.stop()


if __name__ == "__main__":
    main()
