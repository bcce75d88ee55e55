# title: an asyncio.Semaphore(2) is taken for a lock
# expect: atomicity-violation pool.used
# lines: 21,23
# severity: critical
# why: two tasks are admitted at a time, and each awaits in the middle of its update.
import asyncio

import raceway


class Pool:
    def __init__(self) -> None:
        self.used = 0


pool = raceway.watch(Pool(), name="pool")


async def use(permits: asyncio.Semaphore) -> None:
    async with permits:
        used = pool.used
        await asyncio.sleep(0)
        pool.used = used + 1


async def main() -> None:
    permits = asyncio.Semaphore(2)
    await asyncio.gather(use(permits), use(permits))


asyncio.run(main())
print("used")
