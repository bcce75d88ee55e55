# title: two workers count themselves in their initializer
# expect: data-race database.opened
# lines: 22,22
# severity: critical
# why: every worker runs the initializer in its own thread, unordered with the other one.
import threading
from concurrent.futures import ThreadPoolExecutor

import raceway


class Database:
    def __init__(self) -> None:
        self.opened = 0


database = raceway.watch(Database(), name="database")
both = threading.Barrier(2)


def open_it() -> None:
    database.opened += 1


def query() -> None:
    both.wait()


with ThreadPoolExecutor(max_workers=2, initializer=open_it) as pool:
    for _ in range(2):
        pool.submit(query)
print("opened")
