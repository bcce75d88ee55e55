# title: exception() of a failed job is asked before its notes are read
# expect: clean
# needs: RECEIVE
# why: exception() returns after the job has ended, as result() does.
from concurrent.futures import ThreadPoolExecutor

import raceway


class Notes:
    def __init__(self) -> None:
        self.step = 0


notes = raceway.watch(Notes(), name="notes")


def work() -> None:
    notes.step = 3
    raise ValueError


with ThreadPoolExecutor() as pool:
    failure = pool.submit(work).exception()
    notes.step += 1
    print(type(failure).__name__, notes.step)
