# title: an entry is invalidated with pop() while others look with get()
# expect: clean
# why: both are atomic, and both are written for an entry that is not there.
import threading

import raceway

cache = raceway.watch({"a": 1, "b": 2}, name="cache")


def look() -> None:
    for _ in range(5):
        cache.get("a", 0)


def invalidate() -> None:
    cache.pop("a", None)


threads = [threading.Thread(target=look), threading.Thread(target=invalidate)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(cache))
