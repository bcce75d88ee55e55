# title: the consumer reads outside the lock what wait_for() has told it of
# expect: clean
# needs: NOTIFY, WAIT_RELEASE, RECEIVE
# why: the parcel is packed before notify(), and read after the wait that it ended.
import threading

import raceway


class Parcel:
    def __init__(self) -> None:
        self.weight = 0


parcel = raceway.watch(Parcel(), name="parcel")
packed: list[bool] = []
changed = threading.Condition()


def pack() -> None:
    parcel.weight = 3
    with changed:
        packed.append(True)
        changed.notify()


def send() -> None:
    with changed:
        changed.wait_for(lambda: packed)
    parcel.weight += 1


threads = [threading.Thread(target=send), threading.Thread(target=pack)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(parcel.weight)
