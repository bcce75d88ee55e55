# title: two threads book the same seat count, two levels down
# expect: data-race hall['rows'][1]
# lines: 14,14
# severity: critical
# why: the containers around it are only read; the innermost item is updated by both threads.
import threading

import raceway

hall = raceway.watch({"name": "north", "rows": [10, 10]}, name="hall")


def book(seats: int) -> None:
    hall["rows"][1] -= seats


threads = [threading.Thread(target=book, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(hall["rows"][0])
