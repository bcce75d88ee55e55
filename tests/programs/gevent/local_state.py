# title: each greenlet has its own counter in a gevent.local
# expect: clean
# requires: gevent
# why: what is stored in a local is seen by its greenlet alone.
import gevent
from gevent.local import local

import raceway


class Counter:
    def __init__(self) -> None:
        self.n = 0


class Mine(local):
    def __init__(self) -> None:
        self.counter = raceway.watch(Counter(), name="counter")


mine = Mine()


def bump() -> int:
    for _ in range(2):
        n = mine.counter.n
        gevent.sleep(0)
        mine.counter.n = n + 1
    return mine.counter.n


workers = [gevent.spawn(bump) for _ in range(2)]
print([worker.get() for worker in workers])
