# title: the queue is joined before the totals are closed
# expect: clean
# requires: gevent
# needs: SEND
# why: task_done precedes join.
import gevent
from gevent.queue import JoinableQueue

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")
jobs: JoinableQueue = JoinableQueue()


def work() -> None:
    while True:
        number = jobs.get()
        before = totals.sum
        gevent.sleep(0)
        totals.sum = before + number
        jobs.task_done()


worker = gevent.spawn(work)
for number in (1, 2, 3):
    jobs.put(number)
jobs.join()
before = totals.sum
gevent.sleep(0)
totals.sum = before * 2
print(totals.sum)
worker.kill()
