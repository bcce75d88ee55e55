# title: interest is computed from a balance that a locked getter returned
# expect: atomicity-violation acct.cents
# lines: 18,22
# why: the interest is that of a balance that may have changed before it is credited.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 1000
        self.lock = threading.Lock()

    @property
    def balance(self) -> int:
        with self.lock:
            return self.cents

    def credit(self, amount: int) -> None:
        with self.lock:
            self.cents += amount


acct = raceway.watch(Account(), name="acct")


def pay_interest() -> None:
    rate = 5
    interest = acct.balance * rate // 100
    acct.credit(interest)


threads = [threading.Thread(target=pay_interest) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("paid")
