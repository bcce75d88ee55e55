# title: the sender goes on changing the object that it has put on the queue
# expect: data-race job.status
# lines: 29,22
# why: put() hands the job over; what the sender writes afterwards is unordered with the worker.
import queue
import threading

import raceway


class Job:
    def __init__(self) -> None:
        self.status = "new"


jobs: queue.Queue = queue.Queue()
seen = []


def worker() -> None:
    job = jobs.get()
    seen.append(job.status)


t = threading.Thread(target=worker)
t.start()
job = raceway.watch(Job(), name="job")
jobs.put(job)
job.status = "queued"
t.join()
print(len(seen))
