# title: a reporter reads the counter under the lock and clears it in the next critical section
# expect: atomicity-violation metrics.hits
# lines: 28,31
# why: hits that are counted after the read are cleared without having been reported.
import threading

import raceway


class Metrics:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.hits = 0


metrics = raceway.watch(Metrics(), name="metrics")
sent = []


def serve() -> None:
    for _ in range(5):
        with metrics.lock:
            metrics.hits += 1


def flush() -> None:
    with metrics.lock:
        hits = metrics.hits
    sent.append({"hits": hits})
    with metrics.lock:
        metrics.hits = 0


threads = [threading.Thread(target=serve), threading.Thread(target=flush)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("flushed")
