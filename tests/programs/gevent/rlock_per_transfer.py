# title: each transfer makes a reentrant lock of its own
# expect: atomicity-violation bank.money
# lines: 24,26
# severity: critical
# requires: gevent
# why: a lock that nobody else has excludes nobody.
import gevent
from gevent.lock import RLock

import raceway


class Bank:
    def __init__(self) -> None:
        self.money = 100


bank = raceway.watch(Bank(), name="bank")


def transfer() -> None:
    lock = RLock()
    with lock, lock:
        money = bank.money
        gevent.sleep(0)
        bank.money = money + 10


gevent.joinall([gevent.spawn(transfer) for _ in range(2)])
print("transferred")
