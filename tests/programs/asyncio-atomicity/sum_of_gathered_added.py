# title: the old total is read before the gather and the sum is added to it afterwards
# expect: atomicity-violation stats.total
# lines: 25,27
# severity: critical
# why: another batch that ends in the meantime is forgotten.
import asyncio

import raceway


class Stats:
    def __init__(self) -> None:
        self.total = 0


stats = raceway.watch(Stats(), name="stats")


async def fetch(n: int) -> int:
    await asyncio.sleep(0)
    return n


async def batch(sizes: list[int]) -> None:
    before = stats.total
    parts = await asyncio.gather(*(fetch(n) for n in sizes))
    stats.total = before + sum(parts)


async def main() -> None:
    tasks = [asyncio.create_task(batch([n, n + 1])) for n in (1, 2)]
    for task in tasks:
        await task


asyncio.run(main())
print("batched")
