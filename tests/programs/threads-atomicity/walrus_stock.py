# title: a walrus keeps what a locked getter has returned
# expect: atomicity-violation stock.left
# lines: 18,22
# severity: critical
# why: both threads may compute the new stock from the same old one.
import threading

import raceway


class Stock:
    def __init__(self, left: int) -> None:
        self.left = left
        self._lock = threading.RLock()

    def get(self) -> int:
        with self._lock:
            return self.left

    def put(self, left: int) -> None:
        with self._lock:
            self.left = left


stock = raceway.watch(Stock(20), name="stock")


def sell(pieces: int) -> bool:
    if (left := stock.get()) < pieces:
        return False
    stock.put(left - pieces)
    return True


threads = [threading.Thread(target=sell, args=(n,)) for n in (3, 4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("sold")
