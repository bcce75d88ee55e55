# title: the initializer of the only worker opens what its jobs use
# expect: clean
# needs: RECEIVE
# why: the worker runs the initializer before its first job.
from concurrent.futures import ThreadPoolExecutor

import raceway


class Database:
    def __init__(self) -> None:
        self.opened = 0


database = raceway.watch(Database(), name="database")


def open_it() -> None:
    database.opened += 1


def query() -> int:
    database.opened += 10
    return database.opened


with ThreadPoolExecutor(max_workers=1, initializer=open_it) as pool:
    print(pool.submit(query).result())
