# title: a semaphore that is meant as a signal begins with one permit
# expect: data-race job.result
# lines: 22,32
# why: Semaphore() begins with 1: acquire() returns whether the worker has released or not.
import threading
import time

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")
finished = threading.Semaphore()
signalled: list[bool] = []


def work() -> None:
    job.result = 42
    finished.release()
    signalled.append(True)


t = threading.Thread(target=work)
t.start()
while not signalled:
    time.sleep(0.001)
finished.acquire()
shown = job.result
t.join()
print("shown")
