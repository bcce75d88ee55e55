# title: getter and setter lock themselves, += uses one after the other
# expect: atomicity-violation tank._level | tank.level
# lines: 19,24 | 32,32
# severity: critical
# why: the lock is free between the getter and the setter that one += calls.
import threading

import raceway


class Tank:
    def __init__(self) -> None:
        self._level = 0
        self._lock = threading.Lock()

    @property
    def level(self) -> int:
        with self._lock:
            return self._level

    @level.setter
    def level(self, value: int) -> None:
        with self._lock:
            self._level = value


tank = raceway.watch(Tank(), name="tank")


def fill() -> None:
    for _ in range(5):
        tank.level += 1


threads = [threading.Thread(target=fill) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("filled")
