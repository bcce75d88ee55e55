# title: a lambda doubles what a locked getter returns and hands it to a locked setter
# expect: atomicity-violation dial.value
# lines: 18,22
# severity: critical
# why: between getter and setter another thread can turn the dial.
import threading

import raceway


class Dial:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 1

    def get(self) -> int:
        with self._lock:
            return self.value

    def set(self, value: int) -> None:
        with self._lock:
            self.value = value


dial = raceway.watch(Dial(), name="dial")
double = lambda: dial.set(dial.get() * 2)  # noqa: E731
threads = [threading.Thread(target=double) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("doubled")
