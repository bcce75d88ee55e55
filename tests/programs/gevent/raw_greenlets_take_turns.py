# title: a scheduler of raw greenlets switches in the middle of an update
# expect: atomicity-violation counter.n
# lines: 29,31
# severity: critical
# requires: greenlet
# why: between the read and the write the scheduler runs the other greenlet.
from collections import deque

from greenlet import getcurrent, greenlet

import raceway


class Counter:
    def __init__(self) -> None:
        self.n = 0


counter = raceway.watch(Counter(), name="counter")
runnable: deque = deque()


def pause() -> None:
    runnable.append(getcurrent())
    getcurrent().parent.switch()


def bump() -> None:
    n = counter.n
    pause()
    counter.n = n + 1


runnable.extend([greenlet(bump), greenlet(bump)])
while runnable:
    runnable.popleft().switch()
print("bumped")
