# title: the head of a list is looked at, handled, and deleted in another critical section
# expect: atomicity-violation jobs[0] | jobs
# lines: 16,19
# why: between the look and the deletion another worker may have deleted the head.
import threading

import raceway

jobs = raceway.watch(["a", "b", "c"], name="jobs")
lock = threading.Lock()
done = []


def work() -> None:
    with lock:
        job = jobs[0]
    if job != "stop":
        with lock:
            del jobs[0]
        done.append(job)


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(done))
