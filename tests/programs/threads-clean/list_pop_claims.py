# title: workers pop jobs until the list raises IndexError
# expect: clean
# why: there is no separate check; pop() either takes a job for good or reports that none is left.
import threading

import raceway

jobs = raceway.watch(list(range(10)), name="jobs")
taken = []


def work() -> None:
    while True:
        try:
            taken.append(jobs.pop())
        except IndexError:
            return


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
