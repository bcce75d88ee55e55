# title: two accounts lock themselves and then each other
# expect: lock-order-inversion
# lines: 16,16 | 15,15 | 15,16
# why: alice pays bob while bob pays alice; the order depends on who pays.
import threading
import time


class Account:
    def __init__(self, balance: int) -> None:
        self.lock = threading.Lock()
        self.balance = balance

    def pay(self, other: "Account", amount: int) -> None:
        with self.lock:
            with other.lock:
                self.balance -= amount
                other.balance += amount


alice = Account(100)
bob = Account(100)


def pay_back() -> None:
    time.sleep(0.2)
    bob.pay(alice, 5)


threads = [threading.Thread(target=alice.pay, args=(bob, 10)), threading.Thread(target=pay_back)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(alice.balance, bob.balance)
