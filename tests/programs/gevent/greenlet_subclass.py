# title: a worker class with a method _run is started later and read after join
# expect: clean
# requires: gevent
# needs: FORK
# why: what is done before start_later() precedes _run(), and _run() precedes join().
import gevent

import raceway


class Job:
    def __init__(self) -> None:
        self.steps = 0


class Worker(gevent.Greenlet):
    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def _run(self) -> None:
        step(self.job)


def step(job: Job) -> None:
    steps = job.steps
    gevent.sleep(0)
    job.steps = steps + 1


job = raceway.watch(Job(), name="job")
worker = Worker(job)
step(job)
worker.start_later(0.001)
worker.join()
step(job)
print(job.steps)
