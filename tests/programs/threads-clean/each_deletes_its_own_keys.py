# title: threads delete different keys of one dict, in a loop and under its lock
# expect: clean
# why: a deletion relies on no other one, whatever the dict has lost meanwhile.
import threading

import raceway

lock = threading.Lock()
jobs = raceway.watch(dict.fromkeys(range(8)), name="jobs")


def finish(numbers: range) -> None:
    for number in numbers:
        with lock:
            if number in jobs:
                del jobs[number]


threads = [threading.Thread(target=finish, args=(part,)) for part in (range(4), range(4, 8))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(jobs))
