# title: an LRU cache loads each missing key once, under a lock of that key
# expect: clean
# why: entries are locked; a key is looked up again and stored while its own lock is held throughout.
import threading
from collections import OrderedDict

import raceway


class Cache:
    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.lock = threading.Lock()
        self.entries: OrderedDict[int, str] = OrderedDict()
        self.key_locks: dict[int, threading.Lock] = {}
        self.hits = 0
        self.misses = 0

    def _lookup(self, key: int) -> str | None:
        """Call with the lock held."""
        if key not in self.entries:
            return None
        self.entries.move_to_end(key)
        self.hits += 1
        return self.entries[key]

    def get(self, key: int) -> str:
        with self.lock:
            value = self._lookup(key)
            if value is not None:
                return value
            key_lock = self.key_locks.setdefault(key, threading.Lock())
        with key_lock:
            with self.lock:
                value = self._lookup(key)
            if value is not None:
                return value
            value = load(key)
            with self.lock:
                self.misses += 1
                self.entries[key] = value
                while len(self.entries) > self.capacity:
                    self.entries.popitem(last=False)
            return value


loads = raceway.watch({}, name="loads")
cache = raceway.watch(Cache(4), name="cache")


def load(key: int) -> str:
    loads[key] = loads.get(key, 0) + 1
    return f"page {key}"


def browse(start: int) -> None:
    for step in range(12):
        key = (start + step) % 6
        assert cache.get(key) == f"page {key}"


threads = [threading.Thread(target=browse, args=(n,)) for n in (0, 2, 3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(cache.hits + cache.misses, len(cache.entries), cache.misses == sum(loads.values()))
