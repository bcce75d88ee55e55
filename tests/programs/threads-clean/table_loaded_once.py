# title: a table is loaded by whoever calls first, under a lock and a mark, and read without
# expect: clean
# why: who has left the section comes after the one who loaded, and nobody loads again.
import threading
from collections.abc import Callable

import raceway


class Once:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = False

    def __call__(self, function: Callable[[], None]) -> None:
        with self._lock:
            if not self._done:
                function()
                self._done = True


class Table:
    def __init__(self) -> None:
        self.rows = 0


table = raceway.watch(Table(), name="table")
once = Once()
seen = []


def load() -> None:
    table.rows = 7


def work() -> None:
    once(load)
    seen.append(table.rows)


threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
