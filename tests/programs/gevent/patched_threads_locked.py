# title: monkey-patched threads hold a lock while they sleep in the middle of an update
# expect: clean
# requires: gevent
# why: after patch_all() threading.Lock excludes greenlets, also across a switch.

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
lock = threading.Lock()


def deposit(amount: int) -> None:
    with lock:
        balance = acct.balance
        time.sleep(0)
        acct.balance = balance + amount


threads = [threading.Thread(target=deposit, args=(n,)) for n in (10, 20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(acct.balance)
