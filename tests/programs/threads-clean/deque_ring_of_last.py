# title: threads append to a ring of the last events
# expect: clean
# why: append() to a deque with maxlen is one atomic step, the discarding included.
import threading
from collections import deque

import raceway

last = raceway.watch(deque(maxlen=3), name="last")


def log(name: str) -> None:
    for _ in range(4):
        last.append(name)


threads = [threading.Thread(target=log, args=("a",)), threading.Thread(target=log, args=("b",))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(last))
