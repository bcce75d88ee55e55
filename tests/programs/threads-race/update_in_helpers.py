# title: one helper reads the balance, another one stores it
# expect: data-race acct.balance
# lines: 20,24 | 24,24
# severity: critical
# why: no lock at all; both threads may read the same balance and one deposit is lost.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.balance = 0


acct = raceway.watch(Account(), name="acct")


def load() -> int:
    return acct.balance


def store(balance: int) -> None:
    acct.balance = balance


def deposit(amount: int) -> None:
    store(load() + amount)


threads = [threading.Thread(target=deposit, args=(n,)) for n in (10, 20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("deposited")
