# title: a read-write lock built on a Condition guards a table
# expect: clean
# why: writers exclude readers and each other; every access lies between its acquire and release.
import contextlib
import threading
from collections.abc import Iterator

import raceway


class ReadWriteLock:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writing = False

    @contextlib.contextmanager
    def read(self) -> Iterator[None]:
        with self._changed:
            while self._writing:
                self._changed.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def write(self) -> Iterator[None]:
        with self._changed:
            while self._writing or self._readers:
                self._changed.wait()
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()


rates = raceway.watch({"eur": 1}, name="rates")
guard = ReadWriteLock()


def convert() -> None:
    for _ in range(3):
        with guard.read():
            assert rates["eur"] >= 1


def adjust() -> None:
    for _ in range(2):
        with guard.write():
            rates["eur"] = rates["eur"] + 1


threads = [threading.Thread(target=f) for f in (convert, adjust, convert, adjust)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(rates["eur"])
