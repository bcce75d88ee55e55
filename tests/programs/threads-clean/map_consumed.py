# title: the results of map() are consumed before the totals are read
# expect: clean
# needs: RECEIVE
# why: each result that map() yields comes after the job that it belongs to.
from concurrent.futures import ThreadPoolExecutor

import raceway

totals = raceway.watch({}, name="totals")


def load(part: str) -> str:
    totals[part] = len(part)
    return part


with ThreadPoolExecutor(max_workers=2) as pool:
    for part in pool.map(load, ["a", "bb", "ccc"]):
        totals[part] *= 2
    print(sum(totals[part] for part in ("a", "bb", "ccc")))
