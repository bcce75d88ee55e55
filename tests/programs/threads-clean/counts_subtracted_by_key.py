# title: counts are copied, reported and subtracted key by key
# expect: clean
# why: each subtraction reads the count afresh in its section; what came in since the copy stays.
import threading
from collections import Counter

import raceway

counts = raceway.watch({"get": 0, "put": 0}, name="counts")
lock = threading.Lock()
reported: Counter = Counter()


def hit(name: str) -> None:
    for _ in range(4):
        with lock:
            counts[name] += 1


def report() -> None:
    for _ in range(2):
        with lock:
            copy = dict(counts)
        reported.update(copy)
        with lock:
            for name, n in copy.items():
                counts[name] -= n


threads = [threading.Thread(target=hit, args=(n,)) for n in ("get", "put")]
threads.append(threading.Thread(target=report))
for t in threads:
    t.start()
for t in threads:
    t.join()
report()
print(dict(reported), counts["get"], counts["put"])
