# title: two threads look with get() and then pop
# expect: data-race jobs['a'] | jobs
# lines: 13,14
# why: both may see the job; the pop() of the slower one raises.
import threading

import raceway

jobs = raceway.watch({"a": "resize"}, name="jobs")


def work() -> None:
    if jobs.get("a") is not None:
        jobs.pop("a")


threads = [threading.Thread(target=work), threading.Thread(target=work)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(jobs))
