# title: a semaphore has a permit for everybody, so nobody ever waits for a release
# expect: atomicity-violation pool.size
# lines: 22,24
# severity: critical
# why: only the pauses before the tasks keep them apart in this run.
import asyncio

import raceway


class Pool:
    def __init__(self) -> None:
        self.size = 0


pool = raceway.watch(Pool(), name="pool")


async def grow(permits: asyncio.Semaphore, start: float) -> None:
    await asyncio.sleep(start)
    async with permits:
        size = pool.size
        await asyncio.sleep(0)
        pool.size = size + 1


async def main() -> None:
    permits = asyncio.Semaphore(3)
    await asyncio.gather(grow(permits, 0), grow(permits, 0.02), grow(permits, 0.04))
    print("grown")


asyncio.run(main())
