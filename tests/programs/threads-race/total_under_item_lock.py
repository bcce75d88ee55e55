# title: every account has its own lock, the total has none
# expect: data-race bank.total
# lines: 29,29
# severity: critical
# why: the locks of two accounts are different, and both guard the same total.
import threading

import raceway


class Account:
    def __init__(self, name: str) -> None:
        self.name = name
        self.balance = 0
        self.lock = threading.Lock()


class Bank:
    def __init__(self) -> None:
        self.total = 0


bank = raceway.watch(Bank(), name="bank")


def deposit(account: Account, amount: int) -> None:
    with account.lock:
        account.balance += amount
        bank.total += amount


threads = [threading.Thread(target=deposit, args=(Account(name), 5)) for name in "xy"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("deposited")
