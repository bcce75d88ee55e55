# title: jobs are handed to a pool inside a critical section that ends before they do
# expect: data-race tally.done
# lines: 22
# why: the lock belongs to who hands the jobs over, and protects none of them.
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import raceway


class Tally:
    def __init__(self) -> None:
        self.done = 0


tally = raceway.watch(Tally(), name="tally")
lock = threading.RLock()
pool = ThreadPoolExecutor(2)


def job() -> None:
    tally.done += 1


def hand_over() -> "Future[None]":
    with lock:
        return pool.submit(job)


for future in [hand_over() for _ in range(4)]:
    future.result()
pool.shutdown()
print(tally.done)
