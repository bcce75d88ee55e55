# title: joinall waits for one of two workers, then the total is reset
# expect: atomicity-violation totals.sold
# lines: 22,24
# severity: critical
# requires: gevent
# why: joinall(count=1) has waited for the first; the second is in the middle of an update.
import gevent

import raceway


class Totals:
    def __init__(self) -> None:
        self.sold = 0


totals = raceway.watch(Totals(), name="totals")


def sell(turns: int) -> None:
    for _ in range(turns):
        sold = totals.sold
        gevent.sleep(0)
        totals.sold = sold + 1


def idle() -> None:
    gevent.sleep(0)


workers = [gevent.spawn(sell, 5), gevent.spawn(idle)]
gevent.joinall(workers, count=1)
totals.sold = 0
gevent.joinall(workers)
print("sold")
