# title: a monitoring thread logs the level under the lock of the writers
# expect: clean
# why: every access of the level holds the lock.
import threading

import raceway


class Tank:
    def __init__(self) -> None:
        self.level = 0


tank = raceway.watch(Tank(), name="tank")
lock = threading.Lock()
log = []


def fill() -> None:
    for _ in range(10):
        with lock:
            tank.level += 1


def monitor() -> None:
    for _ in range(3):
        with lock:
            log.append(f"level {tank.level}")


threads = [threading.Thread(target=fill), threading.Thread(target=monitor)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(tank.level, len(log))
