# title: a semaphore with one permit is used as a lock
# expect: clean
# why: with one permit, each acquire() follows the release() of the one before.
import threading

import raceway


class Pool:
    def __init__(self) -> None:
        self.used = 0


pool = raceway.watch(Pool(), name="pool")
permit = threading.BoundedSemaphore(1)


def use() -> None:
    for _ in range(5):
        with permit:
            pool.used += 1


threads = [threading.Thread(target=use) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(pool.used)
