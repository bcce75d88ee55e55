# title: a semaphore of one guards the read and the write, not the pair
# expect: atomicity-violation seats.free
# lines: 22,25
# severity: critical
# why: the permit is given back between the read and the write that depends on it.
import threading

import raceway


class Seats:
    def __init__(self) -> None:
        self.free = 10


seats = raceway.watch(Seats(), name="seats")
permit = threading.Semaphore(1)


def book(count: int) -> None:
    with permit:
        free = seats.free
    if free >= count:
        with permit:
            seats.free = free - count


threads = [threading.Thread(target=book, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("booked")
