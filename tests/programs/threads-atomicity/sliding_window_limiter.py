# title: a rate limiter counts under the lock and records under the lock
# expect: atomicity-violation window | window[*]
# lines: 19,26 | 26,26
# why: two requests may both see the last free slot of the window.
import threading
from collections import deque

import raceway

PER_MINUTE = 6
window = raceway.watch(deque([5.0, 61.0]), name="window")
lock = threading.Lock()


def recent(now: float) -> int:
    with lock:
        while window and window[0] < now - 60:
            window.popleft()
        return len(window)


def allow(now: float) -> bool:
    if recent(now) >= PER_MINUTE:
        return False
    with lock:
        window.append(now)
    return True


threads = [threading.Thread(target=allow, args=(now,)) for now in (70.0, 71.0)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(window), "in the window")
