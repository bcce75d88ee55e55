# title: the sender finishes the object before it puts it on the queue
# expect: clean
# needs: RECEIVE
# why: put() to get() orders the setup before the worker, join() the worker before the rest.
import queue
import threading

import raceway


class Job:
    def __init__(self) -> None:
        self.status = "new"


jobs: queue.Queue = queue.Queue()


def worker() -> None:
    job = jobs.get()
    job.status += ", done"


t = threading.Thread(target=worker)
t.start()
job = raceway.watch(Job(), name="job")
job.status = "queued"
jobs.put(job)
t.join()
print(job.status)
