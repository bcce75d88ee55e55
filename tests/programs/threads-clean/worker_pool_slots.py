# title: a slot is taken if one is free and given back after the work
# expect: clean
# why: the check and the taking are one critical section; giving back needs no check.
import threading

import raceway


class Slots:
    def __init__(self, free: int) -> None:
        self.free = free


slots = raceway.watch(Slots(2), name="slots")
lock = threading.Lock()
done = []


def job(n: int) -> bool:
    with lock:
        if slots.free == 0:
            return False
        slots.free -= 1
    try:
        done.append(n * n)
    finally:
        with lock:
            slots.free += 1
    return True


threads = [threading.Thread(target=job, args=(n,)) for n in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(slots.free)
