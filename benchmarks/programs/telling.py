"""What the programs tell about their work."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager

# One processor for the program, the others for who analyses it. Threads that hand the interpreter
# to each other from processor to processor cost several times as much, and how often they do is
# left to chance and to what the other processors are busy with.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@contextmanager
def work():
    """Tell the CPU time and the wall time of what is done inside, as JSON on stdout."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    told = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps(told), flush=True)


def protected(obj, lock):
    """Return what a rival wants to be used in the place of an object, else the object."""
    if os.environ.get("BENCHMARK_RIVAL") == "raceguard":
        import raceguard

        raceguard.configure(mode="log", strict=True)
        return raceguard.protect(obj, lock=lock)
    return obj
