# title: a guard raises if the budget is spent, the booking follows in a critical section of its own
# expect: atomicity-violation budget.left
# lines: 21,27
# why: two bookings can pass the guard with the same remainder.
import threading

import raceway


class OverBudgetError(Exception):
    pass


class Budget:
    def __init__(self, left: int) -> None:
        self.left = left
        self.mutex = threading.Lock()

    def _require(self, amount: int) -> None:
        with self.mutex:
            if self.left < amount:
                raise OverBudgetError(amount)

    def book(self, amount: int) -> None:
        self._require(amount)
        with self.mutex:
            self.left -= amount


budget = raceway.watch(Budget(30), name="budget")
threads = [threading.Thread(target=budget.book, args=(n,)) for n in (5, 6)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("booked")
