# title: a parcel is weighed again after it was put on the belt
# expect: atomicity-violation parcel.grams
# lines: 23,25
# severity: critical
# requires: gevent
# why: put hands the parcel over; what its sender does later is ordered by nothing.
import gevent
from gevent.queue import Queue

import raceway


class Parcel:
    def __init__(self) -> None:
        self.grams = 100


belt: Queue = Queue()


def load() -> None:
    parcel = belt.get()
    grams = parcel.grams
    gevent.sleep(0)
    parcel.grams = grams + 20


loader = gevent.spawn(load)
parcel = raceway.watch(Parcel(), name="parcel")
belt.put(parcel)
gevent.sleep(0)
parcel.grams = 0
loader.join()
print("loaded")
