# title: a class method creates its only instance under a lock
# expect: clean
# why: test and creation are one critical section, and everybody goes through it.
import threading

import raceway


class Registry:
    def __init__(self) -> None:
        self.instance = None
        self.made = 0
        self.lock = threading.Lock()

    def get(self) -> object:
        with self.lock:
            if self.instance is None:
                self.instance = object()
                self.made += 1
            return self.instance


registry = raceway.watch(Registry(), name="registry")
got = []
threads = [threading.Thread(target=lambda: got.append(registry.get())) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(registry.made, len(set(map(id, got))))
