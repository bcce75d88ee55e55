# title: one thread appends, another takes from the other side
# expect: clean
# why: deque documents appends and pops from either side as thread-safe; IndexError is handled.
import threading
from collections import deque

import raceway

jobs = raceway.watch(deque(), name="jobs")
done = []


def produce() -> None:
    for number in range(5):
        jobs.append(number)


def consume() -> None:
    while len(done) < 5:
        try:
            done.append(jobs.popleft())
        except IndexError:
            continue


threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
