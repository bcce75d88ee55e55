# title: one of two keeps to the flag, and the other writes without a look at it
# expect: atomicity-violation index.version
# lines: 25,27
# why: a flag keeps out only who asks for it.
import asyncio

import raceway


class Index:
    def __init__(self) -> None:
        self.building = False
        self.version = 0


index = raceway.watch(Index(), name="index")


async def rebuild(start: float) -> None:
    await asyncio.sleep(start)
    if index.building:
        return
    index.building = True
    try:
        version = index.version
        await asyncio.sleep(0.002)
        index.version = version + 1
    finally:
        index.building = False


async def reset(start: float) -> None:
    await asyncio.sleep(start)
    index.version = 0


async def main() -> None:
    await asyncio.gather(rebuild(0), reset(0.03))
    print("built")


asyncio.run(main())
