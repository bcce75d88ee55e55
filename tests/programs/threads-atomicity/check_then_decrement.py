# title: the funds are checked in one critical section and taken in the next
# expect: atomicity-violation acct.balance
# lines: 21,24
# why: the decrement itself is atomic, but the check may be stale: the balance can go negative.
import threading

import raceway


class Account:
    def __init__(self, balance: int) -> None:
        self.balance = balance


acct = raceway.watch(Account(100), name="acct")
lock = threading.Lock()


def withdraw(amount: int) -> None:
    with lock:
        enough = acct.balance >= amount
    if enough:
        with lock:
            acct.balance -= amount


threads = [threading.Thread(target=withdraw, args=(n,)) for n in (10, 20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("withdrawn")
