# title: statistics are reset without being looked at
# expect: clean
# why: the reset is one store under the lock, and nobody wanted the old value.
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.errors = 0
        self.lock = threading.Lock()


stats = raceway.watch(Stats(), name="stats")


def fail() -> None:
    with stats.lock:
        stats.errors += 1


def deploy() -> None:
    print("deploying")
    with stats.lock:
        stats.errors = 0


threads = [threading.Thread(target=f) for f in (fail, deploy, fail)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("deployed")
