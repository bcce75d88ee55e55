# title: the total is read as soon as the queue is empty
# expect: data-race totals.sum
# lines: 25,32
# why: an empty queue means that the last item was taken, not that its work is done.
import queue
import threading
import time

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")
numbers: queue.Queue = queue.Queue()
for n in (1, 2, 3, None):
    numbers.put(n)


def work() -> None:
    while (number := numbers.get()) is not None:
        totals.sum += number


t = threading.Thread(target=work)
t.start()
while not numbers.empty():
    time.sleep(0.01)
early = totals.sum
t.join()
print(totals.sum)
