# title: results are read after the with block of the pool
# expect: clean
# needs: RECEIVE
# why: leaving the block waits for all tasks; each of them updates the total under a lock.
import threading
from concurrent.futures import ThreadPoolExecutor

import raceway


class Total:
    def __init__(self) -> None:
        self.n = 0


total = raceway.watch(Total(), name="total")
lock = threading.Lock()


def add(n: int) -> None:
    with lock:
        total.n += n


with ThreadPoolExecutor(max_workers=2) as pool:
    for n in (1, 2, 3, 4):
        pool.submit(add, n)
total.n += 1
print(total.n)
