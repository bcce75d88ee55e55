# title: the first mirror that answers wins, but the slow one still writes its reply
# expect: atomicity-violation best.price
# lines: 27,30
# severity: critical
# requires: gevent
# why: iwait(count=1) says that one greenlet is over, and the other one has read the price.
import gevent
from gevent.event import Event

import raceway


class Best:
    def __init__(self) -> None:
        self.price = 100


best = raceway.watch(Best(), name="best")
asking = Event()


def quick() -> None:
    asking.wait()


def slow() -> None:
    price = best.price
    asking.set()
    gevent.sleep(0.01)
    best.price = price - 10


shops = [gevent.spawn(quick), gevent.spawn(slow)]
for _ in gevent.iwait(shops, count=1):
    best.price = 95
gevent.joinall(shops)
print("asked")
