# title: what one call of a cache has found, a later one throws out
# expect: clean
# why: each call holds the lock from the look-up to the insertion; what an earlier one read is over.
import threading
from collections import OrderedDict

import raceway


class Cache:
    def __init__(self, size: int) -> None:
        self.lock = threading.Lock()
        self.size = size
        self.data = raceway.watch(OrderedDict(), name="data")

    def find(self, key: int) -> int | None:
        if key not in self.data:
            return None
        return self.data[key]

    def put(self, key: int, value: int) -> None:
        self.data[key] = value
        while len(self.data) > self.size:
            self.data.popitem(last=False)

    def square(self, key: int) -> int:
        with self.lock:
            found = self.find(key)
            if found is None:
                found = key * key
                self.put(key, found)
            return found


cache = Cache(2)
squares = set()


def work() -> None:
    for n in (1, 2, 3, 1):
        squares.add(cache.square(n))


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(squares), len(cache.data))
