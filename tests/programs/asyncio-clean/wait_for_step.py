# title: a coroutine runs its steps one after the other under wait_for()
# expect: clean
# why: wait_for() returns when the step has ended, whether or not it ran in a task of its own.
import asyncio

import raceway


class Job:
    def __init__(self) -> None:
        self.steps = 0


job = raceway.watch(Job(), name="job")


async def step() -> None:
    steps = job.steps
    await asyncio.sleep(0)
    job.steps = steps + 1


async def main() -> None:
    job.steps = 1
    await asyncio.wait_for(step(), timeout=1)
    await asyncio.wait_for(step(), timeout=1)
    job.steps += 1
    print(job.steps)


asyncio.run(main())
