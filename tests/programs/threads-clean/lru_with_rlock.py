# title: an LRU cache moves and evicts entries under its RLock
# expect: clean
# why: each public method is one critical section, the nested one included.
import threading
from collections import OrderedDict

import raceway


class LRU:
    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = self.misses = 0
        self.lock = threading.RLock()
        self.data = raceway.watch(OrderedDict(), name="data")

    def get(self, key: int) -> int | None:
        with self.lock:
            if key in self.data:
                self.hits += 1
                self.data.move_to_end(key)
                return self.data[key]
            self.misses += 1
            return None

    def put(self, key: int, value: int) -> None:
        with self.lock:
            self.data[key] = value
            while len(self.data) > self.size:
                self.data.popitem(last=False)

    def get_or_make(self, key: int) -> int:
        with self.lock:
            value = self.get(key)
            if value is None:
                self.put(key, value := key * key)
            return value


lru = raceway.watch(LRU(3), name="lru")


def use(keys: range) -> None:
    for key in keys:
        lru.get_or_make(key)


threads = [threading.Thread(target=use, args=(range(n, n + 4),)) for n in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(lru.hits + lru.misses, len(lru.data))
