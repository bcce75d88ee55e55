# title: two threads merge disjoint keys
# expect: clean
# why: different keys never conflict, and the insertions commute.
import threading

import raceway

index = raceway.watch({}, name="index")


def merge(part: dict[str, int]) -> None:
    index.update(part)


threads = [
    threading.Thread(target=merge, args=({"a": 1, "b": 2},)),
    threading.Thread(target=merge, args=({"c": 3},)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(index))
