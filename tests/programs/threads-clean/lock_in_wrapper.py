# title: a class of the program that times its lock protects a cache
# expect: clean
# needs: ACQUIRE
# why: the wrapper takes the lock inside in acquire() and __enter__(), so both exclude.
import threading
import time

import raceway


class TimedLock:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.waited = 0.0

    def acquire(self) -> bool:
        began = time.monotonic()
        got = self._lock.acquire()
        self.waited += time.monotonic() - began
        return got

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


cache = raceway.watch({"hits": 0}, name="cache")
lock = TimedLock()


def hit() -> None:
    with lock:
        cache["hits"] += 1


def hit_by_hand() -> None:
    lock.acquire()
    try:
        cache["hits"] += 1
    finally:
        lock.release()


threads = [threading.Thread(target=hit), threading.Thread(target=hit_by_hand)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(cache["hits"])
