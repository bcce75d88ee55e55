# title: running() is asked, and the counter of the running job is read
# expect: data-race notes.step
# lines: 22,30
# why: running() says that the job has begun, and nothing about how far it is.
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import raceway


class Notes:
    def __init__(self) -> None:
        self.step = 0


notes = raceway.watch(Notes(), name="notes")
may_end = threading.Event()


def work() -> None:
    notes.step = 3
    may_end.wait()


with ThreadPoolExecutor() as pool:
    future = pool.submit(work)
    while not future.running():
        time.sleep(0.001)
    step = notes.step
    may_end.set()
print("asked")
