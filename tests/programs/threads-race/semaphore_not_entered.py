# title: one of two threads forgets the binary semaphore
# expect: data-race pool.used
# lines: 22,26
# severity: critical
# why: a semaphore excludes only those who acquire it.
import threading

import raceway


class Pool:
    def __init__(self) -> None:
        self.used = 0


pool = raceway.watch(Pool(), name="pool")
permit = threading.BoundedSemaphore(1)


def use() -> None:
    with permit:
        pool.used += 1


def use_carelessly() -> None:
    pool.used += 1


threads = [threading.Thread(target=use), threading.Thread(target=use_carelessly)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("used")
