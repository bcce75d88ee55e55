# title: two flushers read what is pending, send it and subtract it
# expect: atomicity-violation stats.pending
# lines: 22,25
# severity: critical
# why: both can send the same, and take it off twice; additions alone would do no harm.
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending = 0

    def add(self, n: int) -> None:
        with self.lock:
            self.pending += n

    def flush(self) -> None:
        with self.lock:
            pending = self.pending
        sent.append(pending)
        with self.lock:
            self.pending -= pending


sent = []
stats = raceway.watch(Stats(), name="stats")
stats.add(5)
threads = [threading.Thread(target=stats.flush) for _ in range(2)]
threads.append(threading.Thread(target=stats.add, args=(1,)))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(sent))
