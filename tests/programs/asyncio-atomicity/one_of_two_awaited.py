# title: two shards are indexed, and only one of them is awaited
# expect: atomicity-violation index.size
# lines: 20,22 | 33,35
# severity: critical
# why: that the second shard is mostly done by then is the luck of this run.
import asyncio

import raceway


class Index:
    def __init__(self) -> None:
        self.size = 0


index = raceway.watch(Index(), name="index")


async def add_shard(size: int) -> None:
    before = index.size
    await asyncio.sleep(0)
    index.size = before + size


async def nothing_to_do() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def main() -> None:
    shards = [asyncio.create_task(add_shard(7)), asyncio.create_task(nothing_to_do())]
    await shards[1]
    before = index.size
    await asyncio.sleep(0)
    index.size = before + 1
    await shards[0]


asyncio.run(main())
print("indexed")
