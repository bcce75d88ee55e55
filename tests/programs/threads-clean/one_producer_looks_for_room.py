# title: one producer looks for room in a deque that one consumer empties
# expect: clean
# why: only the producer puts in, so the room that it has found stays.
import threading
import time
from collections import deque

import raceway

ring = raceway.watch(deque(), name="ring")
taken = []


def produce() -> None:
    for n in range(6):
        while len(ring) >= 2:
            time.sleep(0.001)
        ring.append(n)


def consume() -> None:
    while len(taken) < 6:
        if not ring:
            time.sleep(0.001)
            continue
        taken.append(ring.popleft())


threads = [threading.Thread(target=f) for f in (produce, consume)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(taken)
