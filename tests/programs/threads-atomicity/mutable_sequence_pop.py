# title: pop() of a MutableSequence is made of two locked methods
# expect: atomicity-violation jobs[0] | jobs
# lines: 18,26
# why: the mixin reads with __getitem__ and deletes with __delitem__; the lock is free in between.
import threading
from collections.abc import MutableSequence

import raceway


class SafeList(MutableSequence):
    def __init__(self, items: list[str]) -> None:
        self._lock = threading.RLock()
        self._items = raceway.watch(list(items), name="jobs")

    def __getitem__(self, index):
        with self._lock:
            return self._items[index]

    def __setitem__(self, index, value) -> None:
        with self._lock:
            self._items[index] = value

    def __delitem__(self, index) -> None:
        with self._lock:
            del self._items[index]

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)

    def insert(self, index, value) -> None:
        with self._lock:
            self._items.insert(index, value)


jobs = SafeList(["a", "b", "c"])
done = []


def work() -> None:
    done.append(jobs.pop(0))


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(done))
