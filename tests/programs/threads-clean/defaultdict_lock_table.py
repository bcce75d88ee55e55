# title: a lock for each key is made by a defaultdict
# expect: clean
# why: the factory is C code: the lock that came first is the one that all get.
import threading
from collections import defaultdict

import raceway

locks = raceway.watch(defaultdict(threading.Lock), name="locks")
counts = raceway.watch({"a": 0}, name="counts")


def visit(key: str) -> None:
    with locks[key]:
        counts[key] += 1


threads = [threading.Thread(target=visit, args=("a",)), threading.Thread(target=visit, args=("a",))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(counts["a"])
