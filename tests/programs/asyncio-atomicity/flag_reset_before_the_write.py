# title: a busy flag is reset before the result is written
# expect: atomicity-violation index.version
# lines: 24,28
# why: between the reset and the write there is an await, and the next one has read by then.
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
    version = index.version
    await asyncio.sleep(0.002)
    index.building = False
    await asyncio.sleep(0)
    index.version = version + 1


async def main() -> None:
    await asyncio.gather(rebuild(0), rebuild(0.03))
    print("built")


asyncio.run(main())
