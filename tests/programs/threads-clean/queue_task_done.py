# title: the main thread waits with Queue.join() for the work of a running worker
# expect: clean
# needs: RECEIVE
# why: task_done() follows the update, and join() returns after the last task_done().
import queue
import threading

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")
numbers: queue.Queue = queue.Queue()


def work() -> None:
    while (number := numbers.get()) is not None:
        totals.sum += number
        numbers.task_done()


t = threading.Thread(target=work, daemon=True)
t.start()
for n in (1, 2, 3):
    numbers.put(n)
numbers.join()
totals.sum *= 2
print(totals.sum)
numbers.put(None)
t.join()
