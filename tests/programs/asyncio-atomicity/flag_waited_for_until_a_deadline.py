# title: who waits for a flag gives up at a deadline, and goes on
# expect: atomicity-violation job.done
# lines: 23,25
# severity: critical
# why: The deadline lets it go on while the other one still works.
import asyncio
import time

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
    job.ready = True


async def second() -> None:
    await asyncio.sleep(0.03)
    deadline = time.monotonic() + 0.01
    while not job.ready and time.monotonic() < deadline:
        await asyncio.sleep(0)
    await count()


async def main() -> None:
    await asyncio.gather(first(), second())


asyncio.run(main())
print("counted")
