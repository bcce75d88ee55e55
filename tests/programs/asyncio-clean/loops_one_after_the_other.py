# title: one loop is run to its end, then a second one, on the same thread
# expect: clean
# needs: JOIN
# why: all that ran in the first loop has ended before the second begins.
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


asyncio.run(step())
asyncio.run(step())
print(job.steps)
