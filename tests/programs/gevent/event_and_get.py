# title: greenlets pass an object on with an Event and with Greenlet.get()
# expect: clean
# requires: gevent
# why: set() precedes the end of wait(), the end of a greenlet precedes get().
import gevent
from gevent.event import Event

import raceway


class Job:
    def __init__(self) -> None:
        self.steps = 0


job = raceway.watch(Job(), name="job")
prepared = Event()


def step() -> None:
    steps = job.steps
    gevent.sleep(0)
    job.steps = steps + 1


def prepare() -> None:
    step()
    prepared.set()


def finish() -> int:
    prepared.wait()
    step()
    return job.steps


last = gevent.spawn(finish)
first = gevent.spawn(prepare)
last.get()
step()
print(job.steps)
first.join()
