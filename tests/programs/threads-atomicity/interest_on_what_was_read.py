# title: a tenth of the balance is computed in one section and added in another
# expect: atomicity-violation account.balance
# lines: 27,29
# severity: critical
# why: what is added is not what was read, but computed from it; by then the balance is another one.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.balance = 100


account = raceway.watch(Account(), name="account")


def deposit(n: int) -> None:
    with account.lock:
        account.balance += n


def pay_interest() -> None:
    with account.lock:
        interest = account.balance // 10
    with account.lock:
        account.balance += interest


threads = [threading.Thread(target=deposit, args=(50,)), threading.Thread(target=pay_interest)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("paid")
