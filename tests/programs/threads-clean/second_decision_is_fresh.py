# title: two decisions in one function are made by two fresh looks
# expect: clean
# why: each look and what follows from it lie in one critical section.
import threading

import raceway


class Tank:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.level = 5


tank = raceway.watch(Tank(), name="tank")


def regulate() -> None:
    with tank.lock:
        if tank.level > 4:
            tank.level -= 1
    with tank.lock:
        if tank.level < 2:
            tank.level += 3


threads = [threading.Thread(target=regulate) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(tank.level)
