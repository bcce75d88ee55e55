# title: an object travels to a worker greenlet and back
# expect: clean
# requires: gevent
# why: put() to get() hands the object over; only its holder uses it across switches.
import gevent
from gevent.queue import Queue

import raceway


class Parcel:
    def __init__(self) -> None:
        self.stamps = 0


todo: Queue = Queue()
done: Queue = Queue()


def work() -> None:
    for parcel in iter(todo.get, None):
        stamps = parcel.stamps
        gevent.sleep(0)
        parcel.stamps = stamps + 1
        done.put(parcel)


worker = gevent.spawn(work)
for _ in range(2):
    todo.put(raceway.watch(Parcel(), name="parcel"))
for _ in range(2):
    parcel = done.get()
    stamps = parcel.stamps
    gevent.sleep(0)
    parcel.stamps = stamps + 1
    print(parcel.stamps)
todo.put(None)
worker.join()
