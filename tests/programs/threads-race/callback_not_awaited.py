# title: result() is waited for, and what the done callback writes is read
# expect: data-race page.shown
# lines: 25,32
# why: result() may return before the callbacks have been called.
from concurrent.futures import Future, ThreadPoolExecutor

import raceway


class Page:
    def __init__(self) -> None:
        self.shown = False
        self.size = 0


page = raceway.watch(Page(), name="page")


def fetch() -> int:
    page.size = 10
    return 10


def show(_: Future) -> None:
    page.shown = True


with ThreadPoolExecutor() as pool:
    future = pool.submit(fetch)
    future.add_done_callback(show)
    future.result()
    shown = page.shown
print("fetched")
