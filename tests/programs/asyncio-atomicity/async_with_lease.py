# title: an async context manager awaits in the middle of taking a slot
# expect: atomicity-violation pool.free
# lines: 16,18
# severity: critical
# why: __aenter__ reads the number of free slots, awaits, and stores a stale result.
import asyncio

import raceway


class Pool:
    def __init__(self) -> None:
        self.free = 5

    async def __aenter__(self) -> None:
        free = self.free
        await asyncio.sleep(0)
        self.free = free - 1

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.sleep(0)


pool = raceway.watch(Pool(), name="pool")


async def work() -> None:
    async with pool:
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(work(), work())


asyncio.run(main())
print("worked")
