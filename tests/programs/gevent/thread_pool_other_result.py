# title: one of two jobs of a thread pool is waited for, the other one still counts
# expect: data-race stats.jobs
# lines: 21,27
# severity: critical
# requires: gevent
# why: get() waits for its own job.
from gevent.threadpool import ThreadPool

import raceway


class Stats:
    def __init__(self) -> None:
        self.jobs = 0


stats = raceway.watch(Stats(), name="stats")


def count() -> None:
    stats.jobs += 1


pool = ThreadPool(2)
counting = pool.spawn(count)
pool.spawn(int).get()
stats.jobs += 1
counting.get()
print("counted")
