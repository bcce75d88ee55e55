# title: two workers share a queue, and one task_done is taken for both
# expect: atomicity-violation totals.sum
# lines: 27,29
# severity: critical
# requires: gevent
# why: the queue is not empty of unfinished work, and nobody has waited for that.
import gevent
from gevent.event import Event
from gevent.queue import JoinableQueue

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")
jobs: JoinableQueue = JoinableQueue()
first_done = Event()


def work() -> None:
    for number in iter(jobs.get, None):
        if number == 2:
            before = totals.sum
            gevent.sleep(0.01)
            totals.sum = before + number
        jobs.task_done()
        first_done.set()


workers = [gevent.spawn(work) for _ in range(2)]
for item in (2, 1):
    jobs.put(item)
first_done.wait()
totals.sum = 50
for _ in workers:
    jobs.put(None)
gevent.joinall(workers)
print("worked")
