# title: workers pop from a list as long as it is not empty
# expect: data-race jobs | jobs[*]
# lines: 14,15
# why: another worker can take the last job between the test and pop(), which then raises.
import threading

import raceway

jobs = raceway.watch(list(range(10)), name="jobs")
taken = []


def work() -> None:
    while jobs:
        taken.append(jobs.pop())


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
