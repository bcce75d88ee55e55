# title: a snapshot of all salaries is taken one by one, and written back raised
# expect: atomicity-violation salaries['ann']
# lines: 19,26
# severity: critical
# expect: atomicity-violation salaries['bob']
# lines: 19,26
# severity: critical
# why: the lock is free between the comprehension that reads and the loop that writes.
import threading

import raceway

salaries = raceway.watch({"ann": 10, "bob": 20}, name="salaries")
lock = threading.Lock()


def read(name: str) -> int:
    with lock:
        return salaries[name]


def raise_all(amount: int) -> None:
    raised = {name: read(name) + amount for name in ("ann", "bob")}
    for name, salary in raised.items():
        with lock:
            salaries[name] = salary


threads = [threading.Thread(target=raise_all, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("raised")
