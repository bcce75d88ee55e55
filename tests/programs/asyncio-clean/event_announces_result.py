# title: a task waits for an asyncio.Event before it reads and changes the result
# expect: clean
# why: the only write of the other task comes before set().
import asyncio

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")


async def work(finished: asyncio.Event) -> None:
    before = job.result
    await asyncio.sleep(0)
    job.result = before + 42
    finished.set()


async def use(finished: asyncio.Event) -> None:
    await finished.wait()
    result = job.result
    await asyncio.sleep(0)
    job.result = result + 1


async def main() -> None:
    finished = asyncio.Event()
    await asyncio.gather(use(finished), work(finished))


asyncio.run(main())
print(job.result)
