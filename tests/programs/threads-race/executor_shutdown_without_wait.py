# title: the executor is shut down with wait=False, and the total is read
# expect: data-race total.value
# lines: 19,25
# why: shutdown(wait=False) returns at once; the job goes on.
from concurrent.futures import ThreadPoolExecutor

import raceway


class Total:
    def __init__(self) -> None:
        self.value = 0


total = raceway.watch(Total(), name="total")


def add() -> None:
    total.value = 5


pool = ThreadPoolExecutor(max_workers=1)
pool.submit(add)
pool.shutdown(wait=False)
shown = total.value
pool.shutdown(wait=True)
print("read")
