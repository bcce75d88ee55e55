# title: the done callback reads what its job has written and tells the main thread
# expect: clean
# needs: RECEIVE
# why: a callback runs after its future is done, and set() comes before the wait that it ends.
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import raceway


class Page:
    def __init__(self) -> None:
        self.size = 0


page = raceway.watch(Page(), name="page")
noted = threading.Event()


def fetch() -> None:
    page.size = 10


def note(_: Future) -> None:
    page.size += 1
    noted.set()


pool = ThreadPoolExecutor()
pool.submit(fetch).add_done_callback(note)
noted.wait()
page.size *= 2
print(page.size)
pool.shutdown()
