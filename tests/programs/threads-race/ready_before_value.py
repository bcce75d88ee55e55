# title: the ready flag of a double-checked lock is set before the value
# expect: data-race lazy.value
# lines: 21,22
# why: a thread that sees the flag skips the lock and reads a value that is not there yet.
import threading

import raceway


class Lazy:
    def __init__(self) -> None:
        self.ready = False
        self.value = None
        self.lock = threading.Lock()

    def get(self) -> int | None:
        if not self.ready:
            with self.lock:
                if not self.ready:
                    self.ready = True
                    self.value = 42
        return self.value


lazy = raceway.watch(Lazy(), name="lazy")
threads = [threading.Thread(target=lazy.get) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("got")
