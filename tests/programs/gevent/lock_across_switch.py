# title: the update spans a switch and holds a gevent lock
# expect: clean
# requires: gevent
# why: the semaphore with one permit excludes the other greenlets.
import gevent
from gevent.lock import BoundedSemaphore

import raceway


class Counter:
    def __init__(self) -> None:
        self.n = 0


counter = raceway.watch(Counter(), name="counter")
lock = BoundedSemaphore(1)


def bump() -> None:
    with lock:
        value = counter.n
        gevent.sleep(0)
        counter.n = value + 1


gevent.joinall([gevent.spawn(bump) for _ in range(3)])
print(counter.n)
