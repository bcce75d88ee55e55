# title: the check and the store are two helper calls away from the method that combines them
# expect: atomicity-violation shelf.items
# lines: 18,22
# severity: critical
# why: each helper locks at its lowest level, so the reservation as a whole is not atomic.
import threading

import raceway


class Shelf:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.items = 8

    def _level(self) -> int:
        with self.lock:
            return self.items

    def _set_level(self, items: int) -> None:
        with self.lock:
            self.items = items

    def _enough(self, wanted: int) -> bool:
        return self._level() >= wanted

    def _take(self, wanted: int) -> None:
        self._set_level(self._level() - wanted)

    def reserve(self, wanted: int) -> bool:
        if not self._enough(wanted):
            return False
        self._take(wanted)
        return True


shelf = raceway.watch(Shelf(), name="shelf")
threads = [threading.Thread(target=shelf.reserve, args=(n,)) for n in (2, 3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("reserved")
