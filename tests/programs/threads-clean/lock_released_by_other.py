# title: the main thread waits on a lock that the worker releases
# expect: clean
# needs: RELEASE
# why: used as a signal: the second acquire() can only return after the worker's release().
import threading

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")
finished = threading.Lock()


def work() -> None:
    job.result = 42
    finished.release()


finished.acquire()
t = threading.Thread(target=work)
t.start()
finished.acquire()
job.result += 1
print(job.result)
t.join()
