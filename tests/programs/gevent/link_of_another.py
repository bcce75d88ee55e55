# title: the callback of one upload sums up what the other upload is still counting
# expect: atomicity-violation totals.bytes
# lines: 22,24
# severity: critical
# requires: gevent
# why: the link says that the small upload is over; of the large one nobody knows.
import gevent

import raceway


class Totals:
    def __init__(self) -> None:
        self.bytes = 0


totals = raceway.watch(Totals(), name="totals")


def large() -> None:
    for _ in range(3):
        before = totals.bytes
        gevent.sleep(0)
        totals.bytes = before + 100


def small() -> None:
    gevent.sleep(0)


def close(_: gevent.Greenlet) -> None:
    totals.bytes += 1


uploading = gevent.spawn(large)
short = gevent.spawn(small)
short.link(close)
gevent.joinall([uploading, short])
gevent.sleep(0.01)
print("uploaded")
