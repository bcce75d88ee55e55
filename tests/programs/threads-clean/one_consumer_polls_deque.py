# title: one consumer polls a deque that two producers fill
# expect: clean
# why: only the consumer takes out, so what it has found not empty stays so; append and popleft are atomic.
import threading
import time
from collections import deque

import raceway

lines = raceway.watch(deque(), name="lines")
shipped = []


def ship(count: int) -> None:
    while len(shipped) < count:
        if lines:
            shipped.append(lines.popleft())
        else:
            time.sleep(0.001)


def log(name: str) -> None:
    for n in range(3):
        lines.append(f"{name}{n}")


threads = [threading.Thread(target=ship, args=(6,))]
threads += [threading.Thread(target=log, args=(name,)) for name in "ab"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(shipped))
