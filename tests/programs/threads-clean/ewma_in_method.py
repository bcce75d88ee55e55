# title: a moving average is updated by a method that calls a static helper inside the lock
# expect: clean
# why: read, computation and write are one critical section.
import threading

import raceway


class Average:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 64

    @staticmethod
    def _mix(old: int, new: int) -> int:
        return old + (new - old) // 2

    def feed(self, sample: int) -> None:
        with self._lock:
            old = self.value
            mixed = self._mix(old, sample)
            self.value = mixed


average = raceway.watch(Average(), name="average")
threads = [threading.Thread(target=average.feed, args=(64,)) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(average.value)
