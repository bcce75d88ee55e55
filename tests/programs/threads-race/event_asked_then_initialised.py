# title: two threads ask is_set(), are told no, and both initialise
# expect: data-race registry.loads
# lines: 25,25
# severity: critical
# why: is_set() that returns False orders nothing, and set() is not part of the question.
import threading

import raceway


class Registry:
    def __init__(self) -> None:
        self.loads = 0


registry = raceway.watch(Registry(), name="registry")
loaded = threading.Event()
both_asked = threading.Barrier(2)


def ensure_loaded() -> None:
    missing = not loaded.is_set()
    both_asked.wait()
    if missing:
        registry.loads += 1
        loaded.set()


threads = [threading.Thread(target=ensure_loaded) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("loaded")
