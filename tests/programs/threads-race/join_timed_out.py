# title: the result is read after a join() that ran into its time limit
# expect: data-race job.result
# lines: 21,27
# why: a join() that gave up orders nothing; the thread writes while the main thread reads.
import threading
import time

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")


def work() -> None:
    time.sleep(0.4)
    job.result = 42


t = threading.Thread(target=work, daemon=True)
t.start()
t.join(0.05)
early = job.result
t.join()
print("read early")
