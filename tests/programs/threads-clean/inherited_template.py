# title: a base class holds the lock around a hook that subclasses fill in
# expect: clean
# why: the hook is never called without the lock.
import abc
import threading

import raceway


class Accumulator(abc.ABC):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 1

    def feed(self, n: int) -> None:
        with self._lock:
            current = self.value
            self.value = self._combine(current, n)

    @abc.abstractmethod
    def _combine(self, a: int, b: int) -> int: ...


class Product(Accumulator):
    def _combine(self, a: int, b: int) -> int:
        return a * b


product = raceway.watch(Product(), name="product")
threads = [threading.Thread(target=product.feed, args=(n,)) for n in (2, 3, 4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(product.value)
