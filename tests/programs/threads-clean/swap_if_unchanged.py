# title: a compare-and-swap method is retried until it succeeds
# expect: clean
# why: compare and store are one critical section; a failed attempt reads again.
import threading

import raceway


class AtomicInt:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def load(self) -> int:
        with self._lock:
            return self.value

    def compare_and_swap(self, old: int, new: int) -> bool:
        with self._lock:
            same = self.value == old
            if same:
                self.value = new
        return same

    def add(self, amount: int) -> int:
        while not self.compare_and_swap(old := self.load(), old + amount):
            pass
        return old + amount


number = raceway.watch(AtomicInt(), name="number")
threads = [threading.Thread(target=number.add, args=(n,)) for n in (1, 2, 3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(number.value)
