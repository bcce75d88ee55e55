# title: groups are created with setdefault() and filled with append()
# expect: clean
# why: both are single atomic operations: all threads get the same list and lose nothing.
import threading

import raceway

groups = raceway.watch({}, name="groups")


def add(member: str) -> None:
    groups.setdefault("a", []).append(member)


threads = [threading.Thread(target=add, args=(name,)) for name in ("bob", "eve")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(groups["a"]))
