# title: the counter is read and cleared in one critical section
# expect: clean
# why: no hit can be counted between the read and the reset.
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.hits = 0


stats = raceway.watch(Stats(), name="stats")
lock = threading.Lock()
reports = []


def work() -> None:
    for _ in range(5):
        with lock:
            stats.hits += 1


def report() -> None:
    with lock:
        hits = stats.hits
        stats.hits = 0
    reports.append(hits)


threads = [threading.Thread(target=work), threading.Thread(target=report)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sum(reports) + stats.hits)
