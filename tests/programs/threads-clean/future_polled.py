# title: done() is polled, then the job's counter is read
# expect: clean
# needs: RECEIVE
# why: done() that returns True is ordered after the end of the job.
import time
from concurrent.futures import ThreadPoolExecutor

import raceway


class Notes:
    def __init__(self) -> None:
        self.step = 0


notes = raceway.watch(Notes(), name="notes")


def work() -> None:
    notes.step = 3


with ThreadPoolExecutor() as pool:
    future = pool.submit(work)
    while not future.done():
        time.sleep(0.001)
    notes.step += 1
    print(notes.step)
