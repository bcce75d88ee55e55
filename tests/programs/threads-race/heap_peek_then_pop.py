# title: two schedulers look at the top of a heap and pop it
# expect: data-race heap[0] | heap
# lines: 16,17 | 17,17
# why: both see one entry on top; the second pops another entry than it looked at.
import heapq
import threading

import raceway

heap = raceway.watch([1, 2, 3, 4], name="heap")
taken = []


def run() -> None:
    for _ in range(2):
        if heap and heap[0] < 10:
            taken.append(heapq.heappop(heap))


threads = [threading.Thread(target=run), threading.Thread(target=run)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
