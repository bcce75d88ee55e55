# title: an asynccontextmanager reads the free slots before its yield and stores them after
# expect: atomicity-violation pool.free
# lines: 22,24
# severity: critical
# why: the body awaits between the two halves, and the other lease is overwritten.
import asyncio
import contextlib

import raceway


class Pool:
    def __init__(self) -> None:
        self.free = 5


pool = raceway.watch(Pool(), name="pool")


@contextlib.asynccontextmanager
async def lease():
    free = pool.free
    yield
    pool.free = free - 1


async def work() -> None:
    async with lease():
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(work(), work())


asyncio.run(main())
print("worked")
