# title: the jobs that have not begun are cancelled, then the total is read
# expect: clean
# why: shutdown(cancel_futures=True) waits for the one that runs; cancelled jobs never run.
import threading
from concurrent.futures import ThreadPoolExecutor

import raceway


class Total:
    def __init__(self) -> None:
        self.value = 0


total = raceway.watch(Total(), name="total")
running = threading.Event()
may_end = threading.Event()


def add() -> None:
    running.set()
    may_end.wait()
    total.value += 5


pool = ThreadPoolExecutor(max_workers=1)
futures = [pool.submit(add) for _ in range(3)]
running.wait()
for future in futures[1:]:
    future.cancel()
may_end.set()
pool.shutdown(wait=True, cancel_futures=True)
total.value += 1
print(total.value, [future.cancelled() for future in futures])
