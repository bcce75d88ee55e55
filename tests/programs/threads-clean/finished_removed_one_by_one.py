# title: finished jobs are listed in one section and removed one by one, new ones come in
# expect: clean
# why: whatever is put in after the list was made is another job.
import threading

import raceway

jobs = raceway.watch({}, name="jobs")
lock = threading.Lock()


def submit(start: int) -> None:
    for n in range(start, start + 3):
        with lock:
            jobs[n] = n % 2


def reap() -> None:
    with lock:
        finished = [n for n, state in jobs.items() if state == 1]
    for n in finished:
        with lock:
            del jobs[n]


submit(0)
threads = [threading.Thread(target=reap), threading.Thread(target=submit, args=(10,))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(jobs) > 1)
