# title: objects are handed over through four kinds of queue
# expect: clean
# needs: RECEIVE
# why: in each of them, put() is ordered before the get() that returns the item.
import queue
import threading

import raceway


class Parcel:
    def __init__(self) -> None:
        self.stamps = 0


stations = [queue.LifoQueue(), queue.PriorityQueue(), queue.SimpleQueue(), queue.Queue()]
results: queue.SimpleQueue = queue.SimpleQueue()


def carry(station: queue.Queue, following: queue.Queue) -> None:
    _, parcel = station.get()
    parcel.stamps += 1
    following.put((1, parcel))


routes = zip(stations, [*stations[1:], results], strict=True)
threads = [threading.Thread(target=carry, args=route) for route in routes]
for t in threads:
    t.start()
parcel = raceway.watch(Parcel(), name="parcel")
parcel.stamps = 1
stations[0].put((1, parcel))
_, arrived = results.get()
arrived.stamps += 1
print(arrived.stamps)
for t in threads:
    t.join()
