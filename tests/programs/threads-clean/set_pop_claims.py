# title: workers pop members until the set raises KeyError
# expect: clean
# why: set.pop() takes a member for good or says that none is left.
import threading

import raceway

jobs = raceway.watch(set(range(8)), name="jobs")
taken = []


def work() -> None:
    while True:
        try:
            taken.append(jobs.pop())
        except KeyError:
            return


threads = [threading.Thread(target=work), threading.Thread(target=work)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
