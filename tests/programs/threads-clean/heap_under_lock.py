# title: a heap is pushed to and popped from under one lock
# expect: clean
# why: every use of the heap is inside the lock.
import heapq
import threading

import raceway

heap = raceway.watch([5, 6], name="heap")
lock = threading.Lock()


def run(number: int) -> None:
    with lock:
        heapq.heappush(heap, number)
    with lock:
        if heap and heap[0] < 10:
            heapq.heappop(heap)


threads = [threading.Thread(target=run, args=(1,)), threading.Thread(target=run, args=(2,))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(heap))
