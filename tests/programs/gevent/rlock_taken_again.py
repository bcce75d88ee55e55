# title: a transfer takes the lock of the bank again in its helper
# expect: clean
# requires: gevent
# why: gevent's RLock excludes other greenlets until the outer block is left.
import gevent
from gevent.lock import RLock

import raceway


class Bank:
    def __init__(self) -> None:
        self.money = 100


bank = raceway.watch(Bank(), name="bank")
lock = RLock()


def add(amount: int) -> None:
    with lock:
        money = bank.money
        gevent.sleep(0)
        bank.money = money + amount


def transfer() -> None:
    with lock:
        add(-10)
        gevent.sleep(0)
        add(10)


gevent.joinall([gevent.spawn(transfer) for _ in range(2)])
print(bank.money)
