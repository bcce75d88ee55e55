# title: the consumer gets the parcel of one producer and opens that of the other
# expect: data-race slow.weight
# lines: 30,40
# why: get() is ordered after the put() of the item that it returned, and after no other put().
import queue
import threading
import time

import raceway


class Parcel:
    def __init__(self) -> None:
        self.weight = 0


quick = raceway.watch(Parcel(), name="quick")
slow = raceway.watch(Parcel(), name="slow")
ramp: queue.Queue = queue.Queue()
first_is_in: list[bool] = []


def pack_quick() -> None:
    quick.weight = 1
    ramp.put(quick)
    first_is_in.append(True)


def pack_slow() -> None:
    slow.weight = 2
    while not first_is_in:
        time.sleep(0.001)
    ramp.put(slow)


threads = [threading.Thread(target=pack_quick), threading.Thread(target=pack_slow)]
for t in threads:
    t.start()
parcel = ramp.get()
total = parcel.weight + slow.weight
for t in threads:
    t.join()
print("weighed")
