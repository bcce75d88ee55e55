# title: the list of a group is created when the membership test fails
# expect: data-race groups['a'] | groups
# lines: 13,14 | 14,14 | 14,15
# why: both threads may find the group missing; the second insert drops what was appended before.
import threading

import raceway

groups = raceway.watch({}, name="groups")


def add(member: str) -> None:
    if "a" not in groups:
        groups["a"] = []
    groups["a"].append(member)


threads = [threading.Thread(target=add, args=(name,)) for name in ("bob", "eve")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(groups))
