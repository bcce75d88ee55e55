# title: an async context manager takes its lock for every change of the slots
# expect: clean
# why: each read, await and write is one critical section of the same lock.
import asyncio

import raceway


class Pool:
    def __init__(self) -> None:
        self.free = 5
        self.lock = asyncio.Lock()

    async def change(self, by: int) -> None:
        async with self.lock:
            free = self.free
            await asyncio.sleep(0)
            self.free = free + by

    async def __aenter__(self) -> None:
        await self.change(-1)

    async def __aexit__(self, *exc: object) -> None:
        await self.change(1)


async def work(pool: Pool) -> None:
    async with pool:
        await asyncio.sleep(0)


async def main() -> None:
    pool = raceway.watch(Pool(), name="pool")
    await asyncio.gather(work(pool), work(pool))
    print(pool.free)


asyncio.run(main())
