# title: a semaphore with two permits is taken for a lock
# expect: data-race pool.used
# lines: 22,22
# severity: critical
# why: both threads get in at the same time, so the increments are not excluded.
import threading

import raceway


class Pool:
    def __init__(self) -> None:
        self.used = 0


pool = raceway.watch(Pool(), name="pool")
permits = threading.Semaphore(2)


def use() -> None:
    with permits:
        pool.used += 1


threads = [threading.Thread(target=use) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("used")
