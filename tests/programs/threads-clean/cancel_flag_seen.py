# title: a job says that it runs and asks later whether somebody has cancelled it
# expect: clean
# why: a change of the state by others is what the second look is for.
import threading

import raceway


class Job:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.state = "new"


job = raceway.watch(Job(), name="job")
log = []


def run() -> None:
    with job.lock:
        job.state = "running"
    log.append("step 1")
    with job.lock:
        if job.state == "cancelled":
            return
    log.append("step 2")


def cancel() -> None:
    with job.lock:
        job.state = "cancelled"


threads = [threading.Thread(target=run), threading.Thread(target=cancel)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(log[0])
