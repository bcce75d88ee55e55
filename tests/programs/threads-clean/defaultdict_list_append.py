# title: two threads append to the missing list of a defaultdict
# expect: clean
# why: list is made in C and stored without giving the interpreter up; append() is atomic.
import threading
from collections import defaultdict

import raceway

groups = raceway.watch(defaultdict(list), name="groups")


def add(number: int) -> None:
    groups["a"].append(number)


threads = [threading.Thread(target=add, args=(1,)), threading.Thread(target=add, args=(2,))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(groups["a"]))
