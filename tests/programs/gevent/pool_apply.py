# title: apply and apply_async of a pool give results that are used afterwards
# expect: clean
# requires: gevent
# needs: JOIN
# why: apply waits for its greenlet, and get() for the one of apply_async.
import gevent
from gevent.pool import Pool

import raceway


class Order:
    def __init__(self) -> None:
        self.cents = 0


def price(order: Order) -> Order:
    cents = order.cents
    gevent.sleep(0)
    order.cents = cents + 250
    return order


def discount(order: Order) -> int:
    cents = order.cents
    gevent.sleep(0)
    order.cents = cents - 50
    return order.cents


pool = Pool(2)
first = pool.apply(price, (raceway.watch(Order(), name="order"),))
second = pool.apply_async(price, (raceway.watch(Order(), name="order"),))
print(discount(first), discount(second.get()))
