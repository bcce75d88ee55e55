# title: the balance before goes into the note of a booking, not into the booking
# expect: clean
# why: the helper only puts the stale value into its journal.
import threading

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0
        self.lock = threading.Lock()
        self.journal = []

    def peek(self) -> int:
        with self.lock:
            return self.cents

    def credit(self, amount: int, note: str) -> None:
        with self.lock:
            self.cents += amount
        self.journal.append(note)


acct = raceway.watch(Account(), name="acct")


def pay_in(amount: int) -> None:
    before = acct.peek()
    acct.credit(amount, note=f"was about {before}")


threads = [threading.Thread(target=pay_in, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(acct.cents)
