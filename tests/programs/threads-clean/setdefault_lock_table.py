# title: a lock for each key is fetched by setdefault()
# expect: clean
# why: setdefault() is atomic: all threads get the lock that came first.
import threading

import raceway

locks = raceway.watch({}, name="locks")
counts = raceway.watch({"a": 0}, name="counts")


def visit(key: str) -> None:
    with locks.setdefault(key, threading.Lock()):
        counts[key] += 1


threads = [threading.Thread(target=visit, args=("a",)), threading.Thread(target=visit, args=("a",))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(counts["a"])
