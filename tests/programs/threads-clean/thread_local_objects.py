# title: every thread works on an object of its own in a threading.local
# expect: clean
# why: no account is reachable from two threads.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.balance = 0


local = threading.local()
balances = []


def work(amount: int) -> None:
    local.acct = raceway.watch(Account(), name="acct")
    for _ in range(5):
        local.acct.balance += amount
    balances.append(local.acct.balance)


threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(balances))
