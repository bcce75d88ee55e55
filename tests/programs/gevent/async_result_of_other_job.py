# title: a worker waits for the wrong one of two results
# expect: atomicity-violation price.cents
# lines: 23,25
# severity: critical
# requires: gevent
# why: the result that is waited for is set by somebody else than the greenlet that updates.
import gevent
from gevent.event import AsyncResult

import raceway


class Price:
    def __init__(self) -> None:
        self.cents = 100


price = raceway.watch(Price(), name="price")
loaded, rated = AsyncResult(), AsyncResult()


def rate() -> None:
    cents = price.cents
    gevent.sleep(0.01)
    price.cents = cents * 2
    rated.set()


def load() -> None:
    loaded.set()


def show() -> None:
    loaded.get()
    price.cents = 0


gevent.joinall([gevent.spawn(rate), gevent.spawn(show), gevent.spawn(load)])
rated.get()
print("rated")
