# title: all salaries are read under the lock, and then each is written under it
# expect: atomicity-violation salaries['ann']
# lines: 19,24
# severity: critical
# expect: atomicity-violation salaries['bob']
# lines: 19,24
# severity: critical
# why: the lock is free between the loop that reads and the one that writes.
import threading

import raceway

salaries = raceway.watch({"ann": 10, "bob": 20}, name="salaries")
lock = threading.Lock()


def read(name: str) -> int:
    with lock:
        return salaries[name]


def write(name: str, amount: int) -> None:
    with lock:
        salaries[name] = amount


def raise_all(amount: int) -> None:
    before = {}
    for name in ("ann", "bob"):
        before[name] = read(name)
    for name, salary in before.items():
        write(name, salary + amount)


threads = [threading.Thread(target=raise_all, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("raised")
