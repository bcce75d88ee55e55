# title: two threads increment the same item of a list
# expect: data-race histogram[1]
# lines: 15,15
# severity: critical
# why: reading and storing an item are two steps; item 0 and 2 belong to one thread each.
import threading

import raceway

histogram = raceway.watch([0, 0, 0], name="histogram")


def record(own: int) -> None:
    for _ in range(10):
        histogram[1] += 1
        histogram[own] += 1


threads = [threading.Thread(target=record, args=(n,)) for n in (0, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(histogram[0], histogram[2])
