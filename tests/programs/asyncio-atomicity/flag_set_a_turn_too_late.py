# title: a busy flag is set only after an await that follows its test
# expect: atomicity-violation index.version
# lines: 27,29
# expect: atomicity-violation index.building
# lines: 23,26
# why: two can find it free before either sets it, so it keeps nobody out.
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
    await asyncio.sleep(0)
    index.building = True
    version = index.version
    await asyncio.sleep(0.002)
    index.version = version + 1
    index.building = False


async def main() -> None:
    await asyncio.gather(rebuild(0), rebuild(0.03))
    print("built")


asyncio.run(main())
