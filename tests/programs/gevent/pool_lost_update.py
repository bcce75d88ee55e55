# title: the greenlets of a pool store what they read before a switch
# expect: atomicity-violation totals.sum
# lines: 22,24
# severity: critical
# requires: gevent
# why: gevent.sleep() lets the other greenlet of the pool run between the read and the write.
import gevent
from gevent.pool import Pool

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")


def add(number: int) -> None:
    before = totals.sum
    gevent.sleep(0)
    totals.sum = before + number


Pool(2).map(add, [1, 2])
print("added")
