# title: the only consumer looks at the head while others append
# expect: clean
# why: nobody else takes the head away, and append() does not move it.
import threading
from collections import deque

import raceway

jobs = raceway.watch(deque([0]), name="jobs")
done = []


def produce() -> None:
    jobs.append(1)
    jobs.append(2)


def consume() -> None:
    while len(done) < 3:
        try:
            if jobs[0] >= 0:
                done.append(jobs.popleft())
        except IndexError:
            continue


threads = [threading.Thread(target=produce), threading.Thread(target=consume)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
