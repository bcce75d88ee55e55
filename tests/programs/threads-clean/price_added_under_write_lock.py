# title: a price is read and stored under the write lock, and shown under the read lock
# expect: clean
# why: writers keep each other and the readers out for the whole update.
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import raceway


class Guard:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.readers = 0
        self.writing = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self.changed:
            while self.writing:
                self.changed.wait()
            self.readers += 1
        try:
            yield
        finally:
            with self.changed:
                self.readers -= 1
                self.changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self.changed:
            while self.writing or self.readers:
                self.changed.wait()
            self.writing = True
        try:
            yield
        finally:
            with self.changed:
                self.writing = False
                self.changed.notify_all()


prices = raceway.watch({"tea": 3, "cake": 5}, name="prices")
guard = Guard()
dearer = []


def add(cents: int) -> None:
    for _ in range(3):
        with guard.alone():
            price = prices["tea"]
            prices["tea"] = price + cents


def show() -> None:
    for _ in range(3):
        with guard.shared():
            before = prices["tea"]
            dearer.append(before <= prices["tea"])


threads = [threading.Thread(target=add, args=(cents,)) for cents in (1, 2)]
threads += [threading.Thread(target=show) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(prices["tea"], all(dearer))
