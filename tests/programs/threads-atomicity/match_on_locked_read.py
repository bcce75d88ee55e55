# title: a withdrawal matches on the balance that a locked method has returned
# expect: atomicity-violation vault.amount
# lines: 18,22
# severity: critical
# why: the new amount is computed from a balance that may be out of date.
import threading

import raceway


class Vault:
    def __init__(self) -> None:
        self.amount = 500
        self.lock = threading.Lock()

    def read(self) -> int:
        with self.lock:
            return self.amount

    def write(self, amount: int) -> None:
        with self.lock:
            self.amount = amount


vault = raceway.watch(Vault(), name="vault")


def withdraw(wanted: int) -> str:
    match vault.read():
        case 0:
            return "empty"
        case held if held >= wanted:
            vault.write(held - wanted)
            return "ok"
        case _:
            return "too little"


threads = [threading.Thread(target=withdraw, args=(wanted,)) for wanted in (50, 70)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("withdrawn")
