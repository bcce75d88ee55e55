# title: wait() with a time limit returns False, and the result is read all the same
# expect: data-race job.result
# lines: 22,31
# why: the event was never set when wait() returned, so nothing orders the two.
import threading
import time

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")
ready = threading.Event()
read: list[bool] = []


def work() -> None:
    job.result = 42
    while not read:
        time.sleep(0.001)
    ready.set()


t = threading.Thread(target=work)
t.start()
ready.wait(timeout=0.01)
shown = job.result
read.append(True)
t.join()
print("shown")
