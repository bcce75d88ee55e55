# title: hits are counted in a defaultdict of int
# expect: data-race hits['/']
# lines: 15
# severity: critical
# why: += reads the count and stores it again in two steps.
import threading
from collections import defaultdict

import raceway

hits = raceway.watch(defaultdict(int), name="hits")


def visit() -> None:
    hits["/"] += 1


threads = [threading.Thread(target=visit), threading.Thread(target=visit)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(hits))
