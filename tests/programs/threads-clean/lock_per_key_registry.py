# title: locks live in a dict and are made by setdefault() under a guard
# expect: clean
# why: two threads that ask for the lock of one key get the same lock.
import threading

import raceway


class KeyLocks:
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks = {}

    def of(self, key: int) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(key, threading.Lock())


locks = KeyLocks()
seats = raceway.watch({1: 0, 2: 0}, name="seats")


def book(key: int) -> bool:
    with locks.of(key):
        if seats[key] >= 2:
            return False
        seats[key] += 1
        return True


def work() -> None:
    for key in (1, 2, 1):
        book(key)


threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seats[1], seats[2])
