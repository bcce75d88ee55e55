# title: a mapping with locked methods is used with +=
# expect: atomicity-violation counts['a']
# lines: 18,22
# severity: critical
# why: += on the mapping calls __getitem__ and then __setitem__, each with its own critical section.
import threading

import raceway


class LockedMapping:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items = raceway.watch({"a": 0, "b": 0}, name="counts")

    def __getitem__(self, key: str) -> int:
        with self._lock:
            return self._items[key]

    def __setitem__(self, key: str, value: int) -> None:
        with self._lock:
            self._items[key] = value


counts = LockedMapping()


def count(word: str) -> None:
    for letter in word:
        counts[letter] += 1


threads = [
    threading.Thread(target=count, args=("aba",)),
    threading.Thread(target=count, args=("a",)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("counted")
