# title: map of a pool returns while another greenlet of the same pool still works
# expect: atomicity-violation stats.hits
# lines: 23,25
# severity: critical
# requires: gevent
# why: map waits for its own greenlets; that the pool has others is no reason to wait for them.
from gevent.event import Event
from gevent.pool import Pool

import raceway


class Stats:
    def __init__(self) -> None:
        self.hits = 0


stats = raceway.watch(Stats(), name="stats")
counting = Event()


def watch_hits() -> None:
    hits = stats.hits
    counting.wait()
    stats.hits = hits + 1


pool = Pool(5)
pool.spawn(watch_hits)
pool.map(str, range(3))
stats.hits = 50
counting.set()
pool.join()
print("counted")
