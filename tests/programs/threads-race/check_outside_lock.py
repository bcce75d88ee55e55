# title: the funds are checked before the lock is taken
# expect: data-race acct.balance
# lines: 20,22
# why: the decrement is locked, but the check that allows it is not and may be stale by then.
import threading

import raceway


class Account:
    def __init__(self, balance: int) -> None:
        self.balance = balance


acct = raceway.watch(Account(100), name="acct")
lock = threading.Lock()


def withdraw(amount: int) -> None:
    if acct.balance >= amount:
        with lock:
            acct.balance -= amount


threads = [threading.Thread(target=withdraw, args=(n,)) for n in (10, 20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("withdrawn")
