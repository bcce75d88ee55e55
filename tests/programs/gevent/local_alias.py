# title: each greenlet has a gevent.local, but all of them hold the same counter
# expect: atomicity-violation counter.n
# lines: 24,26
# severity: critical
# requires: gevent
# why: the local is the greenlet's own, the object that it refers to is not.
import gevent
from gevent.local import local

import raceway


class Counter:
    def __init__(self) -> None:
        self.n = 0


shared = raceway.watch(Counter(), name="counter")
mine = local()


def bump() -> None:
    mine.counter = shared
    n = mine.counter.n
    gevent.sleep(0)
    mine.counter.n = n + 1


gevent.joinall([gevent.spawn(bump) for _ in range(2)])
print("bumped")
