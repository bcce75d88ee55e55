# title: an asyncio.Semaphore(1) spans the whole update
# expect: clean
# why: with one permit it excludes the other tasks as a lock does.
import asyncio

import raceway


class Pool:
    def __init__(self) -> None:
        self.used = 0


pool = raceway.watch(Pool(), name="pool")


async def use(permit: asyncio.Semaphore) -> None:
    async with permit:
        used = pool.used
        await asyncio.sleep(0)
        pool.used = used + 1


async def main() -> None:
    permit = asyncio.Semaphore(1)
    await asyncio.gather(*(use(permit) for _ in range(3)))


asyncio.run(main())
print(pool.used)
