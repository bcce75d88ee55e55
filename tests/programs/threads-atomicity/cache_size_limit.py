# title: the room in a cache is checked in one critical section and used in another
# expect: atomicity-violation entries | entries[*]
# lines: 16,23
# why: two threads see the last free place, and the cache grows beyond its limit.
import threading

import raceway

LIMIT = 10
entries = raceway.watch({}, name="entries")
guard = threading.RLock()


def has_room() -> bool:
    with guard:
        return len(entries) < LIMIT


def remember(key: str, value: int) -> bool:
    if not has_room():
        return False
    with guard:
        entries[key] = value
    return True


def load(prefix: str) -> None:
    for n in range(3):
        remember(f"{prefix}{n}", n)


threads = [threading.Thread(target=load, args=(prefix,)) for prefix in "ab"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(entries), "entries")
