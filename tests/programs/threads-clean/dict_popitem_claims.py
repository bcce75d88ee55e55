# title: workers pop items until the dict raises KeyError
# expect: clean
# why: popitem() takes an item for good or says that none is left.
import threading

import raceway

jobs = raceway.watch({n: str(n) for n in range(8)}, name="jobs")
taken = []


def work() -> None:
    while True:
        try:
            taken.append(jobs.popitem()[0])
        except KeyError:
            return


threads = [threading.Thread(target=work), threading.Thread(target=work)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
