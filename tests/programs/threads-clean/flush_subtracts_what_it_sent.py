# title: the flusher reads what is pending, sends it, and subtracts what it has sent
# expect: clean
# why: the subtraction is one section and takes off only what was read before; additions in between stay.
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending = 0
        self.sent = 0

    def add(self, n: int) -> None:
        with self.lock:
            self.pending += n

    def flush(self) -> int:
        with self.lock:
            pending = self.pending
        transmit(pending)
        with self.lock:
            self.pending -= pending
            self.sent += pending
        return pending


def transmit(n: int) -> None:
    wire.append(n)


wire = []
stats = raceway.watch(Stats(), name="stats")


def work(n: int) -> None:
    for _ in range(3):
        stats.add(n)


def flusher() -> None:
    for _ in range(3):
        stats.flush()


threads = [threading.Thread(target=work, args=(n,)) for n in (1, 10)]
threads.append(threading.Thread(target=flusher))
for t in threads:
    t.start()
for t in threads:
    t.join()
stats.flush()
print(stats.pending, stats.sent, sum(wire))
