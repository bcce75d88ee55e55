# title: jobs of a monkey-patched executor count without a switch in between
# expect: clean
# requires: gevent
# why: after patch_all() the workers are greenlets of one thread, and += does not switch.

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import time
from concurrent.futures import ThreadPoolExecutor

import raceway


class Counter:
    def __init__(self) -> None:
        self.n = 0


counter = raceway.watch(Counter(), name="counter")


def bump(_: int) -> None:
    counter.n += 1
    time.sleep(0)
    counter.n += 1


with ThreadPoolExecutor(3) as executor:
    list(executor.map(bump, range(3)))
print(counter.n)
