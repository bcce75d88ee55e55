# title: every helper takes the RLock, the caller does not
# expect: atomicity-violation acct.balance
# lines: 18,22
# severity: critical
# why: the lock is released when the first helper returns, before the second one writes.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.balance = 0

    def _load(self) -> int:
        with self.lock:
            return self.balance

    def _store(self, balance: int) -> None:
        with self.lock:
            self.balance = balance

    def deposit(self, amount: int) -> None:
        balance = self._load()
        self._store(balance + amount)


acct = raceway.watch(Account(), name="acct")
threads = [threading.Thread(target=acct.deposit, args=(n,)) for n in (10, 20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("deposited")
