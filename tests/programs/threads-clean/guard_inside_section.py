# title: a guard that raises is called with the lock held
# expect: clean
# why: guard and booking are one critical section of a re-entrant lock.
import threading

import raceway


class Budget:
    def __init__(self, left: int) -> None:
        self.left = left
        self.mutex = threading.RLock()

    def _require(self, amount: int) -> None:
        with self.mutex:
            if self.left < amount:
                raise ValueError(amount)

    def book(self, amount: int) -> None:
        with self.mutex:
            self._require(amount)
            self.left -= amount


budget = raceway.watch(Budget(30), name="budget")
threads = [threading.Thread(target=budget.book, args=(n,)) for n in (5, 6)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(budget.left)
