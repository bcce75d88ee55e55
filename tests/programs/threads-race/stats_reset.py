# title: a reporter reads and clears the counter that workers increment
# expect: data-race stats.hits
# lines: 21,26
# why: a hit counted between the read and the reset is lost, and so is a reset in the middle of +=.
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.hits = 0


stats = raceway.watch(Stats(), name="stats")
reports = []


def work() -> None:
    for _ in range(20):
        stats.hits += 1


def report() -> None:
    reports.append(stats.hits)
    stats.hits = 0


threads = [threading.Thread(target=work), threading.Thread(target=report)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(reports), "report")
