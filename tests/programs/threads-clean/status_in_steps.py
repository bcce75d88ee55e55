# title: a job passes through its states, each set in a critical section, and others look on
# expect: clean
# why: only the job itself sets its status, and every state in between is meant to be seen.
import threading

import raceway


class Job:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.status = "queued"

    def set_status(self, status: str) -> None:
        with self.lock:
            self.status = status

    def get_status(self) -> str:
        with self.lock:
            return self.status


job = raceway.watch(Job(), name="job")
seen = set()


def run() -> None:
    job.set_status("running")
    total = sum(range(1000))
    job.set_status("done" if total else "failed")


def watch() -> None:
    for _ in range(3):
        seen.add(job.get_status())


threads = [threading.Thread(target=run), threading.Thread(target=watch)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(job.get_status())
