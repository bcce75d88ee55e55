# title: two jobs count; the executor may use two workers, and happens to use one
# expect: data-race stats.jobs
# lines: 22,22
# severity: critical
# why: which worker runs a job is chance; nothing orders two jobs of an executor with several.
import time
from concurrent.futures import ThreadPoolExecutor

import raceway


class Stats:
    def __init__(self) -> None:
        self.jobs = 0


stats = raceway.watch(Stats(), name="stats")
ended: list[bool] = []


def work() -> None:
    stats.jobs += 1
    ended.append(True)


with ThreadPoolExecutor(max_workers=2) as pool:
    for number in range(2):
        pool.submit(work)
        while len(ended) <= number:
            time.sleep(0.001)
print("counted")
