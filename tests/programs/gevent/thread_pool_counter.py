# title: two jobs of a native thread pool count into one attribute
# expect: data-race stats.jobs
# lines: 22,22
# severity: critical
# requires: gevent
# why: the jobs run in threads, which the interpreter switches wherever it likes.
import gevent
from gevent.threadpool import ThreadPool

import raceway


class Stats:
    def __init__(self) -> None:
        self.jobs = 0


stats = raceway.watch(Stats(), name="stats")


def count() -> None:
    stats.jobs += 1


pool = ThreadPool(2)
gevent.joinall([pool.spawn(count) for _ in range(2)])
print("counted")
