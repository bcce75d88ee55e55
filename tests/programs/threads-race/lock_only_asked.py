# title: the workers wait until the lock is free, and do not take it
# expect: data-race orders.accepted
# lines: 23,23
# severity: critical
# why: locked() is a question; two that were told "free" go on at the same time.
import threading

import raceway


class Orders:
    def __init__(self) -> None:
        self.accepted = 0


orders = raceway.watch(Orders(), name="orders")
lock = threading.Lock()


def accept() -> None:
    while lock.locked():
        pass
    orders.accepted += 1


threads = [threading.Thread(target=accept) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("accepted")
