# title: two greenlets signal by one semaphore, and the first signal is taken for both
# expect: atomicity-violation cache.entries
# lines: 27,29
# severity: critical
# requires: gevent
# why: one acquire has seen one release; the other greenlet is still loading.
import gevent
from gevent.lock import Semaphore

import raceway


class Cache:
    def __init__(self) -> None:
        self.entries = 0


cache = raceway.watch(Cache(), name="cache")
ready = Semaphore(0)


def quick() -> None:
    ready.release()


def slow() -> None:
    entries = cache.entries
    gevent.sleep(0.01)
    cache.entries = entries + 5
    ready.release()


loaders = [gevent.spawn(slow), gevent.spawn(quick)]
ready.acquire()
cache.entries = 50
gevent.joinall(loaders)
print("loaded")
