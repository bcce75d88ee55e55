# title: a heap is walked while another thread pushes
# expect: data-race heap
# lines: 15,22
# why: heappush moves items inside the list: the walk skips some and sees others twice.
import heapq
import threading

import raceway

heap = raceway.watch([1, 5, 9], name="heap")
total = []


def add_up() -> None:
    for entry in heap:
        total.append(entry)


def push() -> None:
    while len(total) < 3:
        pass
    heapq.heappush(heap, 0)


threads = [threading.Thread(target=add_up), threading.Thread(target=push)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
