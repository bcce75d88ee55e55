# title: one task counts before it takes the flag, the other one while it has it
# expect: atomicity-violation job.done
# lines: 22,24
# severity: critical
# why: Only the pause keeps the two apart.
import asyncio

import raceway


class Job:
    def __init__(self) -> None:
        self.busy = False
        self.ready = False
        self.done = 0


job = raceway.watch(Job(), name="job")


async def count() -> None:
    done = job.done
    await asyncio.sleep(0)
    job.done = done + 1


async def first() -> None:
    await count()
    while job.busy:
        await asyncio.sleep(0)
    job.busy = True
    await asyncio.sleep(0)
    job.busy = False


async def second() -> None:
    await asyncio.sleep(0.03)
    while job.busy:
        await asyncio.sleep(0)
    await count()


async def main() -> None:
    await asyncio.gather(first(), second())


asyncio.run(main())
print("counted")
