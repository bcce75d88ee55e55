# title: the best bid is looked up under the lock and removed under the lock
# expect: atomicity-violation bids | bids[*]
# lines: 17,22
# why: both threads may find the same best bid; one of them removes it and the other one fails.
import threading

import raceway


class Book:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bids = raceway.watch([101, 99, 100, 98], name="bids")

    def best(self) -> int:
        with self.lock:
            return max(self.bids)

    def remove(self, price: int) -> bool:
        with self.lock:
            try:
                self.bids.remove(price)
            except ValueError:
                return False
            return True


book = Book()


def match_order() -> None:
    price = book.best()
    book.remove(price)


threads = [threading.Thread(target=match_order) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("matched")
