# title: a semaphore that begins at zero announces a result
# expect: clean
# needs: HANDOFF
# requires: trio
# why: the acquire waits for the release.
import trio

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")


async def work(finished: trio.Semaphore) -> None:
    before = job.result
    await trio.lowlevel.checkpoint()
    job.result = before + 42
    finished.release()


async def use(finished: trio.Semaphore) -> None:
    await finished.acquire()
    result = job.result
    await trio.lowlevel.checkpoint()
    job.result = result + 1


async def main() -> None:
    finished = trio.Semaphore(0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(use, finished)
        nursery.start_soon(work, finished)


trio.run(main)
print(job.result)
