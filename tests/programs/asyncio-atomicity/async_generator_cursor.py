# title: two consumers draw numbers from generators over one shared cursor
# expect: atomicity-violation page.next
# lines: 22,24
# severity: critical
# why: each generator awaits between reading and advancing the cursor: numbers come twice.
import asyncio
from collections.abc import AsyncIterator

import raceway


class Page:
    def __init__(self) -> None:
        self.next = 0


page = raceway.watch(Page(), name="page")


async def pages() -> AsyncIterator[int]:
    for _ in range(3):
        number = page.next
        await asyncio.sleep(0)
        page.next = number + 1
        yield number


async def consume() -> list[int]:
    return [number async for number in pages()]


async def main() -> None:
    print([len(got) for got in await asyncio.gather(consume(), consume())])


asyncio.run(main())
