# title: a generic update() applies a function between a locked read and a locked write
# expect: atomicity-violation cell.value
# lines: 21,25
# severity: critical
# why: update() itself holds no lock, so the function is applied to a stale value.
import functools
import operator
import threading
from collections.abc import Callable

import raceway


class Cell:
    def __init__(self, value: int) -> None:
        self.value = value
        self.lock = threading.Lock()

    def load(self) -> int:
        with self.lock:
            return self.value

    def store(self, value: int) -> None:
        with self.lock:
            self.value = value

    def update(self, change: Callable[[int], int]) -> None:
        self.store(change(self.load()))


cell = raceway.watch(Cell(1), name="cell")
changes = [functools.partial(operator.add, 5), functools.partial(operator.mul, 3)]
threads = [threading.Thread(target=cell.update, args=(change,)) for change in changes]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("updated")
