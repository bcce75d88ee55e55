# title: methods that lock call each other under one RLock
# expect: clean
# needs: ACQUIRE
# why: the lock is given back only by the outermost release(), so move() is one step.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.balance = 100

    def add(self, amount: int) -> None:
        with self.lock:
            self.balance += amount

    def add_interest(self) -> None:
        with self.lock:
            interest = self.balance // 10
            self.add(interest)


account = raceway.watch(Account(), name="account")
threads = [
    threading.Thread(target=account.add_interest),
    threading.Thread(target=account.add, args=(100,)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(account.balance in {210, 220})
