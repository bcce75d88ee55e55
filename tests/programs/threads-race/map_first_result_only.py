# title: the first result of map() is taken for the end of all jobs
# expect: data-race report.rows
# lines: 20,27
# why: next() is ordered after the first job; the second may still be running.
from concurrent.futures import ThreadPoolExecutor

import raceway


class Report:
    def __init__(self) -> None:
        self.rows = 0


report = raceway.watch(Report(), name="report")


def load(part: int) -> int:
    if part == 2:
        report.rows = 10
    return part


with ThreadPoolExecutor(max_workers=2) as pool:
    results = pool.map(load, [1, 2])
    next(results)
    report.rows = 0
print("loaded")
