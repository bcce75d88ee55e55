# title: two workers report with the same None, and one report is waited for
# expect: data-race totals['b']
# lines: 25,36
# why: the None that was got is the first worker's; the second may still be adding.
import queue
import threading
import time

import raceway

totals = raceway.watch({"a": 0, "b": 0}, name="totals")
finished: queue.Queue = queue.Queue()
reported: list[str] = []


def add_a() -> None:
    totals["a"] = 1
    finished.put(None)
    reported.append("a")


def add_b() -> None:
    while not reported:
        time.sleep(0.001)
    totals["b"] = 2
    finished.put(None)
    reported.append("b")


threads = [threading.Thread(target=add_a), threading.Thread(target=add_b)]
for t in threads:
    t.start()
while len(reported) < 2:
    time.sleep(0.001)
finished.get()
total = totals["a"] + totals["b"]
for t in threads:
    t.join()
print("added")
