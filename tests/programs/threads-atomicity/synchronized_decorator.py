# title: two decorated methods lock themselves, the method that combines them does not
# expect: atomicity-violation meter.total
# lines: 28,32
# severity: critical
# why: synchronized() releases the lock after each of the two calls.
import functools
import threading

import raceway


def synchronized(method):
    @functools.wraps(method)
    def locked(self, *args):
        with self.lock:
            return method(self, *args)

    return locked


class Meter:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.total = 0

    @synchronized
    def reading(self) -> int:
        return self.total

    @synchronized
    def set_reading(self, total: int) -> None:
        self.total = total

    def advance(self, by: int) -> None:
        reading = self.reading()
        reading += by
        self.set_reading(reading)


meter = raceway.watch(Meter(), name="meter")
threads = [threading.Thread(target=meter.advance, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("advanced")
