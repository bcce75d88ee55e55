# title: threads count under a lock of _thread.allocate_lock
# expect: clean
# needs: ACQUIRE
# why: a raw lock is the lock that threading.Lock makes.
import threading
from _thread import allocate_lock

import raceway


class Stats:
    def __init__(self) -> None:
        self.count = 0


stats = raceway.watch(Stats(), name="stats")
lock = allocate_lock()


def work() -> None:
    with lock:
        stats.count += 1


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(stats.count)
