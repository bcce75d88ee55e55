# title: acquire() with a time limit fails, and nobody looks at its answer
# expect: data-race orders.accepted
# lines: 26,35
# severity: critical
# why: acquire() returned False: the update runs without the lock, beside the one that has it.
import threading
import time

import raceway


class Orders:
    def __init__(self) -> None:
        self.accepted = 0


orders = raceway.watch(Orders(), name="orders")
lock = threading.Lock()
inside: list[bool] = []
hasty_done: list[bool] = []


def patient() -> None:
    with lock:
        inside.append(True)
        orders.accepted += 1
        while not hasty_done:
            time.sleep(0.001)


def hasty() -> None:
    while not inside:
        time.sleep(0.001)
    lock.acquire(timeout=0.01)
    orders.accepted += 1
    hasty_done.append(True)


threads = [threading.Thread(target=patient), threading.Thread(target=hasty)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("accepted")
