# title: statistics are read and reset by one helper that is called with the lock held
# expect: clean
# why: snapshot and reset are one critical section.
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.hits = 0

    def hit(self) -> None:
        with self.lock:
            self.hits += 1

    def _drain(self) -> int:
        hits, self.hits = self.hits, 0
        return hits

    def report(self) -> int:
        with self.lock:
            return self._drain()


stats = raceway.watch(Stats(), name="stats")
reported = []


def serve() -> None:
    for _ in range(5):
        stats.hit()


threads = [
    threading.Thread(target=serve),
    threading.Thread(target=lambda: reported.append(stats.report())),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sum(reported) + stats.report())
