# title: producers append to a deque, a consumer takes from its other end
# expect: clean
# why: append() and popleft() are documented as thread-safe, and IndexError means "not yet".
import threading
import time
from collections import deque

import raceway

lines = raceway.watch(deque(), name="lines")
received = []


def produce(text: str) -> None:
    for _ in range(3):
        lines.append(text)


def consume() -> None:
    while len(received) < 6:
        try:
            received.append(lines.popleft())
        except IndexError:
            time.sleep(0.01)


threads = [threading.Thread(target=produce, args=(text,)) for text in ("a", "b")]
threads.append(threading.Thread(target=consume))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(received))
