# title: every thread keeps the shared object in its own threading.local
# expect: data-race acct.balance
# lines: 22,22
# severity: critical
# why: the references are private, the account behind them is the same one.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.balance = 0


acct = raceway.watch(Account(), name="acct")
local = threading.local()


def deposit(amount: int) -> None:
    local.acct = acct
    local.acct.balance += amount


threads = [threading.Thread(target=deposit, args=(n,)) for n in (10, 20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("deposited")
