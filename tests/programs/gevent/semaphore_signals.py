# title: a semaphore that begins at zero says that the cache is warm
# expect: clean
# requires: gevent
# needs: SEND
# why: the acquire that uses a release comes after it.
import gevent
from gevent.lock import Semaphore

import raceway


class Cache:
    def __init__(self) -> None:
        self.entries = 0


cache = raceway.watch(Cache(), name="cache")
warm = Semaphore(0)


def fill() -> None:
    entries = cache.entries
    gevent.sleep(0)
    cache.entries = entries + 5
    warm.release()


gevent.spawn(fill)
warm.acquire()
entries = cache.entries
gevent.sleep(0)
cache.entries = entries + 1
print(cache.entries)
