# title: a thread pool with one thread writes the journal
# expect: clean
# requires: gevent
# needs: SEND
# why: a single thread does one job after the other.
from gevent.threadpool import ThreadPool

import raceway


class Journal:
    def __init__(self) -> None:
        self.lines = 0


journal = raceway.watch(Journal(), name="journal")


def write() -> None:
    journal.lines += 1


pool = ThreadPool(1)
for _ in range(3):
    pool.spawn(write)
pool.join()
print(journal.lines)
