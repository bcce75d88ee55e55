# title: workers try for the lock with a time limit until they get it
# expect: clean
# needs: TRY_ACQUIRE
# why: acquire() that returned True excludes the others whatever its time limit was.
import threading

import raceway


class Orders:
    def __init__(self) -> None:
        self.accepted = 0


orders = raceway.watch(Orders(), name="orders")
lock = threading.Lock()


def accept() -> None:
    while not lock.acquire(timeout=0.05):
        pass
    try:
        orders.accepted += 1
    finally:
        lock.release()


threads = [threading.Thread(target=accept) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(orders.accepted)
