# title: the balance is read for the log first and charged in a critical section of its own
# expect: clean
# why: the charge does not use what was logged; it reads the balance again under the lock.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.balance = 100
        self.lock = threading.Lock()

    def current(self) -> int:
        with self.lock:
            return self.balance


acct = raceway.watch(Account(), name="acct")
log = []


def charge(fee: int) -> None:
    before = acct.current()
    log.append(f"charging {fee}, balance was {before}")
    with acct.lock:
        acct.balance -= fee


threads = [threading.Thread(target=charge, args=(fee,)) for fee in (1, 2, 3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(acct.balance, len(log))
