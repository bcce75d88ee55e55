# title: two threads fetch one entry by setdefault()
# expect: clean
# why: setdefault() is atomic: all get the list that came first, and append() commutes.
import threading

import raceway

groups = raceway.watch({}, name="groups")


def add(number: int) -> None:
    groups.setdefault("a", []).append(number)
    groups.setdefault("a", []).append(number)


threads = [threading.Thread(target=add, args=(1,)), threading.Thread(target=add, args=(2,))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(groups["a"]))
