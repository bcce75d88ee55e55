# title: two threads make the missing list of a defaultdict
# expect: data-race groups['a'] | groups
# lines: 21
# why: the factory is Python code: both threads run it, and one list with its item is lost.
import threading
from collections import defaultdict

import raceway


def make() -> list[int]:
    return []


groups = raceway.watch(defaultdict(make), name="groups")
start = threading.Barrier(2)


def add(number: int) -> None:
    start.wait()
    groups["a"].append(number)


threads = [threading.Thread(target=add, args=(n,)) for n in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(groups))
