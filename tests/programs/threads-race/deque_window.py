# title: a sliding window is trimmed by its length and then extended
# expect: data-race window | window[*]
# lines: 15,17 | 15,16
# why: each deque operation is atomic, the length that was checked is stale when the window grows.
import threading
from collections import deque

import raceway

window = raceway.watch(deque([0, 0, 0]), name="window")


def push(value: int) -> None:
    for _ in range(5):
        if len(window) >= 3:
            window.popleft()
        window.append(value)


threads = [threading.Thread(target=push, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("pushed")
