# title: a health check reads the heartbeat, the worker writes a fresh one that depends on nothing
# expect: clean
# why: each beat is a new value, and the check only compares.
import threading

import raceway


class Health:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.beat = 0
        self.alive = True


health = raceway.watch(Health(), name="health")


def work() -> None:
    for moment in range(1, 5):
        with health.lock:
            health.beat = moment


def check(now: int) -> None:
    with health.lock:
        last = health.beat
    if now - last > 100:
        with health.lock:
            health.alive = False


threads = [threading.Thread(target=work), threading.Thread(target=check, args=(5,))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(health.alive)
