# title: monkey-patched threads sleep in the middle of an update
# expect: atomicity-violation acct.balance
# lines: 28,30
# severity: critical
# requires: gevent
# why: after patch_all() a thread is a greenlet and time.sleep() switches to the other one.

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import threading
import time

import raceway


class Account:
    def __init__(self) -> None:
        self.balance = 0


acct = raceway.watch(Account(), name="acct")


def deposit(amount: int) -> None:
    balance = acct.balance
    time.sleep(0)
    acct.balance = balance + amount


threads = [threading.Thread(target=deposit, args=(n,)) for n in (10, 20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("deposited")
