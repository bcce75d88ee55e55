# title: a price is read under the read lock and stored under the write lock
# expect: atomicity-violation prices['tea']
# lines: 44,46
# severity: critical
# why: the read lock is given back before the write lock is taken, and another writer comes first.
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import raceway


class Guard:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.readers = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self.changed:
            self.readers += 1
        try:
            yield
        finally:
            with self.changed:
                self.readers -= 1
                if self.readers == 0:
                    self.changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self.changed:
            while self.readers:
                self.changed.wait()
            yield


prices = raceway.watch({"tea": 3, "cake": 5}, name="prices")
guard = Guard()


def add(cents: int) -> None:
    with guard.reading():
        price = prices["tea"]
    with guard.writing():
        prices["tea"] = price + cents


threads = [threading.Thread(target=add, args=(cents,)) for cents in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("added")
