# title: a nested function reads, its enclosing one writes
# expect: atomicity-violation ledger.sum
# lines: 24,30
# severity: critical
# why: the nested function gives the lock back before the sum is stored.
import threading

import raceway


class Ledger:
    def __init__(self) -> None:
        self.sum = 0


ledger = raceway.watch(Ledger(), name="ledger")
guard = threading.Lock()


def enter(amounts: list[int]) -> None:
    def current() -> int:
        guard.acquire()
        try:
            return ledger.sum
        finally:
            guard.release()

    total = sum(amounts, start=current())
    with guard:
        ledger.sum = total


threads = [threading.Thread(target=enter, args=(a,)) for a in ([1, 2], [3])]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("entered")
