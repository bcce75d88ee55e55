# title: readers of the price hold one lock, writers another one
# expect: data-race quote.price
# lines: 18,22
# why: the two locks have nothing in common, so the read and the write overlap.
import threading

import raceway


class Quote:
    def __init__(self) -> None:
        self.price = 10
        self.read_lock = threading.Lock()
        self.write_lock = threading.Lock()

    def get(self) -> int:
        with self.read_lock:
            return self.price

    def raise_by(self, amount: int) -> None:
        with self.write_lock:
            self.price = 10 + amount


quote = raceway.watch(Quote(), name="quote")
threads = [threading.Thread(target=quote.get), threading.Thread(target=quote.raise_by, args=(2,))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("quoted")
