# title: a queue of the program's own drops double entries and wraps what it keeps
# expect: clean
# needs: RECEIVE
# why: _init(), _put() and _get() may be overridden; put() still comes before its get().
import itertools
import queue
import threading

import raceway


class Job:
    def __init__(self, name: str) -> None:
        self.name = name
        self.tries = 0


class UniqueQueue(queue.Queue):
    def _init(self, maxsize: int) -> None:
        self.jobs: dict[str, tuple[int, Job]] = {}
        self.count = itertools.count()

    def _qsize(self) -> int:
        return len(self.jobs)

    def _put(self, item: Job) -> None:
        self.jobs.setdefault(item.name, (next(self.count), item))

    def _get(self) -> Job:
        return self.jobs.pop(next(iter(self.jobs)))[1]


jobs = [raceway.watch(Job(name), name="job") for name in ("a", "b", "c")]
waiting = UniqueQueue()


def plan() -> None:
    for job in jobs:
        job.tries = 1
        waiting.put(job)


planner = threading.Thread(target=plan)
planner.start()
for _ in jobs:
    job = waiting.get()
    job.tries += 1
planner.join()
print([job.tries for job in jobs])
