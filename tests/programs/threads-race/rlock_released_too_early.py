# title: a helper releases the RLock twice, and its caller goes on without it
# expect: data-race account.balance
# lines: 24,28
# severity: critical
# why: after the second release() nobody holds the lock, so the update is not excluded.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.balance = 100

    def audit(self) -> None:
        self.lock.acquire()
        self.lock.release()
        self.lock.release()

    def add(self, amount: int) -> None:
        self.lock.acquire()
        self.audit()
        self.balance += amount

    def subtract(self, amount: int) -> None:
        with self.lock:
            self.balance -= amount


account = raceway.watch(Account(), name="account")
threads = [
    threading.Thread(target=account.add, args=(10,)),
    threading.Thread(target=account.subtract, args=(10,)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("audited")
