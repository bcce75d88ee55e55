# title: each pass of a loop writes what it has computed from the read of the pass before
# expect: atomicity-violation gauge.level
# lines: 25,26
# severity: critical
# why: the lock is held in each pass, but what is written was read in the one before.
import threading

import raceway


class Gauge:
    def __init__(self) -> None:
        self.level = 0


gauge = raceway.watch(Gauge(), name="gauge")
lock = threading.Lock()


def work(step: int) -> None:
    known = None
    for _ in range(3):
        with lock:
            if known is not None:
                gauge.level = known + step
            known = gauge.level


threads = [threading.Thread(target=work, args=(n,)) for n in (1, 10)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("moved")
