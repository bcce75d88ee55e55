# title: jobs of a monkey-patched executor sleep between read and write
# expect: atomicity-violation counter.n
# lines: 28,30
# severity: critical
# requires: gevent
# why: time.sleep() lets the next worker greenlet run.

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
    n = counter.n
    time.sleep(0)
    counter.n = n + 1


with ThreadPoolExecutor(2) as executor:
    list(executor.map(bump, range(2)))
print("bumped")
