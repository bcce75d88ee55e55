# title: the awaited value stands on the right of +=
# expect: atomicity-violation stats.total
# lines: 25,25
# severity: critical
# why: stats.total is read before the await and stored after it.
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
    stats.total += await fetch(n)


async def main() -> None:
    await asyncio.gather(add(1), add(2))


asyncio.run(main())
print("added")
