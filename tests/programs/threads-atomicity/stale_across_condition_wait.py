# title: the number of free desks is read before the wait and written back after it
# expect: atomicity-violation office.free
# lines: 24,29
# severity: critical
# why: wait() releases the lock in the middle of the with block, so both guests start from one number.
import threading

import raceway


class Office:
    def __init__(self, desks: int) -> None:
        self.changed = threading.Condition()
        self.free = desks
        self.queueing = 0
        self.is_open = False


office = raceway.watch(Office(desks=5), name="office")


def guest() -> None:
    with office.changed:
        desks = office.free
        office.queueing += 1
        office.changed.notify_all()
        while not office.is_open:
            office.changed.wait()
        office.free = desks - 1


def janitor(guests: int) -> None:
    with office.changed:
        office.changed.wait_for(lambda: office.queueing == guests)
        office.is_open = True
        office.changed.notify_all()


threads = [threading.Thread(target=guest) for _ in range(2)]
threads.append(threading.Thread(target=janitor, args=(2,)))
for t in threads:
    t.start()
for t in threads:
    t.join()
print("seated")
