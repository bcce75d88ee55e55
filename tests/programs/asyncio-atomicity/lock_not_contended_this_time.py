# title: a check outside of a lock that happens to be free
# expect: atomicity-violation pool.size
# lines: 20,22,28
# severity: critical
# why: another task holds the lock across an await, so that acquiring it can take a while.
import asyncio

import raceway


class Pool:
    def __init__(self) -> None:
        self.size = 5


pool = raceway.watch(Pool(), name="pool")


async def shrink(lock: asyncio.Lock) -> None:
    size = pool.size
    async with lock:
        pool.size = size - 1


async def refill(lock: asyncio.Lock) -> None:
    async with lock:
        await asyncio.sleep(0)
        pool.size = 10


async def main() -> None:
    lock = asyncio.Lock()
    await asyncio.gather(shrink(lock), refill(lock))


asyncio.run(main())
print("filled")
