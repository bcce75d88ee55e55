# title: the stock is looked at first, and looked at again under the lock of the sale
# expect: clean
# why: the decision is made by the second look; the first one only saves work.
import threading

import raceway


class Stock:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.left = 5

    def available(self) -> bool:
        with self.lock:
            return self.left > 0

    def sell(self) -> bool:
        if not self.available():
            return False
        with self.lock:
            if self.left <= 0:
                return False
            self.left -= 1
        return True


stock = raceway.watch(Stock(), name="stock")
sold = []


def shop() -> None:
    while stock.sell():
        sold.append(1)


threads = [threading.Thread(target=shop) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(sold), stock.left)
