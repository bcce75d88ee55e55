# title: the queue is shut down, and the counter read while the consumer finishes
# expect: data-race counter.ticks
# min-python: 3.13
# lines: 23,30
# why: shutdown() waits for nobody: the consumer still works on what it has got.
import queue
import threading

import raceway


class Counter:
    def __init__(self) -> None:
        self.ticks = 0


counter = raceway.watch(Counter(), name="counter")
ticks: queue.Queue = queue.Queue()


def consume() -> None:
    ticks.get()
    counter.ticks = 1


consumer = threading.Thread(target=consume)
consumer.start()
ticks.put(1)
ticks.shutdown()
shown = counter.ticks
consumer.join()
print("closed")
