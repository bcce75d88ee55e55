# title: all tasks of a pool with one worker update the same report
# expect: clean
# needs: RECEIVE
# why: the only worker runs them one after the other; the last result comes after all of them.
from concurrent.futures import ThreadPoolExecutor, wait

import raceway


class Report:
    def __init__(self) -> None:
        self.rows = 0


report = raceway.watch(Report(), name="report")


def load(rows: int) -> None:
    report.rows += rows


with ThreadPoolExecutor(max_workers=1) as pool:
    futures = [pool.submit(load, n) for n in (1, 2, 3)]
    wait(futures)
    report.rows += 1
    list(pool.map(load, (4, 5)))
    print(report.rows)
