# title: workers fill containers, main dumps them in every way
# expect: clean
# why: join() orders every worker before main.
import copy
import json
import threading

import raceway

counts = raceway.watch({}, name="counts")


def work(name: str) -> None:
    counts[name] = [name]


threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(json.dumps(counts, sort_keys=True), sorted(counts), copy.deepcopy(counts) == counts)
first, second = sorted(counts.items())
print(
    first, second, dict(**counts) == dict(counts), max(counts), list(zip(counts, counts.values()))
)
