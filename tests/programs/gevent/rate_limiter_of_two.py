# title: a semaphore admits two clients, and both count
# expect: atomicity-violation limiter.served
# lines: 24,26
# severity: critical
# requires: gevent
# why: a semaphore of two keeps the third out, not the second.
import gevent
from gevent.lock import BoundedSemaphore

import raceway


class Limiter:
    def __init__(self) -> None:
        self.served = 0


limiter = raceway.watch(Limiter(), name="limiter")
slots = BoundedSemaphore(2)


def serve() -> None:
    with slots:
        served = limiter.served
        gevent.sleep(0)
        limiter.served = served + 1


gevent.joinall([gevent.spawn(serve) for _ in range(2)])
print("served")
