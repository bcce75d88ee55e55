# title: the value is awaited first and added afterwards
# expect: clean
# why: the read and the write of += stand after the await, in one step.
import asyncio

import raceway


class Stats:
    def __init__(self) -> None:
        self.total = 0


stats = raceway.watch(Stats(), name="stats")


async def fetch(n: int) -> int:
    await asyncio.sleep(0)
    return n


async def add(n: int) -> None:
    value = await fetch(n)
    stats.total += value


async def main() -> None:
    await asyncio.gather(add(1), add(2))
    stats.total += 1


asyncio.run(main())
print(stats.total)
