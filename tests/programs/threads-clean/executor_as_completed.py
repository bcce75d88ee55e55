# title: the caller adds up what the tasks return and reads what they have written
# expect: clean
# needs: RECEIVE
# why: each task writes an object of its own, which the caller uses after its future is done.
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import raceway


class Page:
    def __init__(self, number: int) -> None:
        self.number = number
        self.words = 0


class Total:
    def __init__(self) -> None:
        self.words = 0


total = raceway.watch(Total(), name="total")


def count(page: Page) -> Page:
    page.words = page.number * 10
    return page


def start(pool: ThreadPoolExecutor, number: int) -> Future:
    return pool.submit(count, raceway.watch(Page(number), name="page"))


with ThreadPoolExecutor(max_workers=2) as pool:
    for future in as_completed([start(pool, n) for n in (1, 2, 3)]):
        page = future.result()
        page.words += 1
        total.words += page.words
print(total.words)
