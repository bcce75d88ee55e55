# title: the flag decides who sets it, and not who does the work
# expect: atomicity-violation job.done
# lines: 22,24
# severity: critical
# why: What follows the branch is done by both.
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


async def run(start: float) -> None:
    await asyncio.sleep(start)
    if not job.busy:
        job.busy = True
    await count()
    job.busy = False


async def main() -> None:
    await asyncio.gather(run(0), run(0.03))


asyncio.run(main())
print("counted")
