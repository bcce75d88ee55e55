# title: a queue for one token is the lock of a counter: put() takes it, get() gives it back
# expect: clean
# needs: RECEIVE
# why: while the token is in, every other put() is blocked until the get() that makes room.
import queue
import threading

import raceway


class Counter:
    def __init__(self) -> None:
        self.value = 0


counter = raceway.watch(Counter(), name="counter")
token: queue.Queue = queue.Queue(maxsize=1)


def count() -> None:
    for _ in range(3):
        token.put("mine")
        counter.value += 1
        token.get()


threads = [threading.Thread(target=count) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(counter.value)
