# title: what was read in one pass of a loop is written in the next one
# expect: atomicity-violation cells['a']
# lines: 25,22
# severity: critical
# expect: atomicity-violation cells['b']
# lines: 25,22
# severity: critical
# why: the value goes over the back edge of the loop, and the lock does not.
import threading

import raceway

cells = raceway.watch({"a": 0, "b": 0}, name="cells")
lock = threading.Lock()


def sweep(amount: int) -> None:
    last = None
    for name in ("a", "b", "end"):
        if last is not None:
            with lock:
                cells[last[0]] = last[1] + amount
        if name != "end":
            with lock:
                last = name, cells[name]


threads = [threading.Thread(target=sweep, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("swept")
