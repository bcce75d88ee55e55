# title: two accounts are always locked in the order of their numbers
# expect: clean
# why: one global order of all account locks rules a cycle out.
import threading


class Account:
    def __init__(self, number: int, balance: int) -> None:
        self.number = number
        self.lock = threading.Lock()
        self.balance = balance

    def pay(self, other: "Account", amount: int) -> None:
        first, second = sorted((self, other), key=lambda account: account.number)
        with first.lock, second.lock:
            self.balance -= amount
            other.balance += amount


alice = Account(1, 100)
bob = Account(2, 100)
threads = [
    threading.Thread(target=alice.pay, args=(bob, 10)),
    threading.Thread(target=bob.pay, args=(alice, 5)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(alice.balance, bob.balance)
