# title: the result is read once is_set() has returned True
# expect: clean
# needs: RECEIVE
# why: is_set() that returns True is ordered after set(), as wait() is.
import threading
import time

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")
finished = threading.Event()


def work() -> None:
    job.result = 42
    finished.set()


t = threading.Thread(target=work, daemon=True)
t.start()
while not finished.is_set():
    time.sleep(0.01)
job.result += 1
print(job.result)
t.join()
