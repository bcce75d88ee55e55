# title: who does not get the lock at once does nothing
# expect: clean
# why: the update is made only by a thread that holds the lock.
import threading

import raceway


class Cleanup:
    def __init__(self) -> None:
        self.runs = 0


cleanup = raceway.watch(Cleanup(), name="cleanup")
lock = threading.Lock()


def tidy() -> None:
    if not lock.acquire(blocking=False):
        return
    try:
        cleanup.runs += 1
    finally:
        lock.release()


threads = [threading.Thread(target=tidy) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
with lock:
    print(cleanup.runs > 0)
