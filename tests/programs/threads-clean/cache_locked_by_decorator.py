# title: all methods of a cache hold its lock by a decorator, and call each other
# expect: clean
# why: the decorator's section covers one call; what an earlier call had found is over.
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable

import raceway


def synchronized(method: Callable) -> Callable:
    @functools.wraps(method)
    def locked(self, *args):
        with self.lock:
            return method(self, *args)

    return locked


class LRU:
    def __init__(self, size: int) -> None:
        self.lock = threading.RLock()
        self.size = size
        self.data = raceway.watch(OrderedDict(), name="lru")

    @synchronized
    def get(self, key: int) -> int | None:
        if key not in self.data:
            return None
        self.data.move_to_end(key)
        return self.data[key]

    @synchronized
    def put(self, key: int, value: int) -> None:
        self.data[key] = value
        self.data.move_to_end(key)
        while len(self.data) > self.size:
            self.data.popitem(last=False)

    @synchronized
    def square(self, key: int) -> int:
        found = self.get(key)
        if found is None:
            found = key * key
            self.put(key, found)
        return found


lru = LRU(2)
squares = set()


def work() -> None:
    for n in (1, 2, 3, 1):
        squares.add(lru.square(n))


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(squares), len(lru.data))
