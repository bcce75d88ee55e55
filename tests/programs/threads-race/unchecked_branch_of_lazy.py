# title: one branch of a lazily created object skips the check
# expect: data-race lazy.value
# lines: 17,21
# why: the forced branch reads the value without the lock and without having checked it.
import threading

import raceway


class Lazy:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = None

    def get(self, trust: bool) -> object:
        if trust:
            return self.value
        if self.value is None:
            with self.lock:
                if self.value is None:
                    self.value = object()
        return self.value


lazy = raceway.watch(Lazy(), name="lazy")
threads = [threading.Thread(target=lazy.get, args=(trust,)) for trust in (True, False)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("got")
