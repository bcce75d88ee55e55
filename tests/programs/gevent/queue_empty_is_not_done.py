# title: the queue is empty, but the last job is still being done
# expect: atomicity-violation totals.sum
# lines: 24,26
# severity: critical
# requires: gevent
# why: empty() says that the item was taken, and nothing of what became of it.
import gevent
from gevent.queue import Queue

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")
jobs: Queue = Queue()


def work() -> None:
    number = jobs.get()
    before = totals.sum
    gevent.sleep(0.01)
    totals.sum = before + number


worker = gevent.spawn(work)
jobs.put(1)
while not jobs.empty():
    gevent.sleep(0)
totals.sum = 50
worker.join()
print("empty")
