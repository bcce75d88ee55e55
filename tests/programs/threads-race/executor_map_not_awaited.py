# title: the caller updates the report before it has consumed the results of map()
# expect: data-race report.rows
# lines: 20,26
# severity: critical
# why: map() starts its task at once; only taking the results orders them before the caller.
from concurrent.futures import ThreadPoolExecutor

import raceway


class Report:
    def __init__(self) -> None:
        self.rows = 0


report = raceway.watch(Report(), name="report")


def load(rows: int) -> int:
    report.rows += rows
    return rows


with ThreadPoolExecutor(max_workers=1) as pool:
    results = pool.map(load, [10])
    report.rows += 1
    print(list(results))
