# title: two consumers count items of their own async generators
# expect: clean
# why: the shared counter is updated in one step per item, and the generators share nothing.
import asyncio
from collections.abc import AsyncIterator

import raceway


class Total:
    def __init__(self) -> None:
        self.items = 0


total = raceway.watch(Total(), name="total")


async def feed(length: int) -> AsyncIterator[int]:
    for number in range(length):
        await asyncio.sleep(0)
        yield number


async def consume(length: int) -> None:
    async for _ in feed(length):
        total.items += 1


async def main() -> None:
    await asyncio.gather(consume(2), consume(3))
    print(total.items)


asyncio.run(main())
