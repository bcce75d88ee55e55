# title: a watchdog resets the flag now and then, whoever has set it
# expect: atomicity-violation job.done
# lines: 22,24
# severity: critical
# why: After that the next one comes in beside the one that works.
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
    if job.busy:
        return
    job.busy = True
    await count()
    job.busy = False


async def watch() -> None:
    await asyncio.sleep(0.02)
    job.busy = False


async def main() -> None:
    await asyncio.gather(run(0), run(0.04), watch())


asyncio.run(main())
print("counted")
