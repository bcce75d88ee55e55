# title: the lock belongs to the worker, the counter to all of them
# expect: data-race shared.n
# lines: 26,26
# severity: critical
# why: every worker locks its own lock, so the increments exclude nothing.
import threading

import raceway


class Shared:
    def __init__(self) -> None:
        self.n = 0


shared = raceway.watch(Shared(), name="shared")


class Worker:
    def __init__(self) -> None:
        self.lock = threading.Lock()

    def run(self) -> None:
        for _ in range(5):
            with self.lock:
                shared.n += 1


threads = [threading.Thread(target=Worker().run) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("counted")
