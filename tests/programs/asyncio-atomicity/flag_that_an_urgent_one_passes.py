# title: an urgent request passes the flag that keeps others out
# expect: atomicity-violation job.done
# lines: 22,24
# severity: critical
# why: Two urgent ones are in at a time.
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


async def run(start: float, urgent: bool) -> None:
    await asyncio.sleep(start)
    if job.busy and not urgent:
        return
    job.busy = True
    await count()
    job.busy = False


async def main() -> None:
    await asyncio.gather(run(0, True), run(0.03, True))


asyncio.run(main())
print("counted")
