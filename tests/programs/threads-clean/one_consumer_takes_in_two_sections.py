# title: the only consumer finds a list not empty and pops in the next critical section
# expect: clean
# why: others only append, and that cannot make it empty.
import threading

import raceway

jobs = raceway.watch(["first"], name="jobs")
lock = threading.Lock()
done = []


def consume() -> None:
    for _ in range(3):
        with lock:
            some = len(jobs) > 0
        if some:
            with lock:
                done.append(jobs.pop())


def produce() -> None:
    for n in range(3):
        with lock:
            jobs.append(f"job {n}")


threads = [threading.Thread(target=consume), threading.Thread(target=produce)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(done) + len(jobs))
