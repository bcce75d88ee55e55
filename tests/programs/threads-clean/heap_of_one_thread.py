# title: a scheduler owns its heap; others send through a queue
# expect: clean
# why: only one thread ever touches the heap.
import heapq
import queue
import threading

import raceway

heap = raceway.watch([], name="heap")
orders: queue.Queue[int] = queue.Queue()
done = []


def schedule() -> None:
    for _ in range(3):
        heapq.heappush(heap, orders.get())
    while heap and heap[0] < 10:
        done.append(heapq.heappop(heap))


def order() -> None:
    for number in (3, 1, 2):
        orders.put(number)


threads = [threading.Thread(target=schedule), threading.Thread(target=order)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
