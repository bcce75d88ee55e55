# title: a transfer enters the locks of both accounts into an ExitStack in a fixed order
# expect: clean
# why: both balances are read and written while both locks are held.
import contextlib
import threading

import raceway


class Account:
    def __init__(self, number: int, balance: int) -> None:
        self.number = number
        self.balance = balance
        self.lock = threading.Lock()


one = raceway.watch(Account(1, 50), name="one")
two = raceway.watch(Account(2, 50), name="two")


def transfer(source: Account, target: Account, amount: int) -> None:
    with contextlib.ExitStack() as stack:
        for account in sorted((source, target), key=lambda a: a.number):
            stack.enter_context(account.lock)
        available = source.balance
        if available >= amount:
            source.balance = available - amount
            target.balance += amount


threads = [threading.Thread(target=transfer, args=a) for a in ((one, two, 5), (two, one, 8))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(one.balance, two.balance)
