# title: tasks wait for a trio.Event, or find it set, before they change the result
# expect: clean
# needs: RECEIVE
# requires: trio
# why: the only write of the other task comes before set().
import trio

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


jobs = [raceway.watch(Job(), name="job") for _ in range(2)]


async def work(job: Job, finished: trio.Event) -> None:
    before = job.result
    await trio.lowlevel.checkpoint()
    job.result = before + 42
    finished.set()


async def use(job: Job, finished: trio.Event, later: int) -> None:
    for _ in range(later):
        await trio.lowlevel.checkpoint()
    await finished.wait()
    result = job.result
    await trio.lowlevel.checkpoint()
    job.result = result + 1


async def main() -> None:
    async with trio.open_nursery() as nursery:
        for job, later in zip(jobs, (0, 9), strict=True):
            finished = trio.Event()
            nursery.start_soon(use, job, finished, later)
            nursery.start_soon(work, job, finished)


trio.run(main)
print([job.result for job in jobs])
