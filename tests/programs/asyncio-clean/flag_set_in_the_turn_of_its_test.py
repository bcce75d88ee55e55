# title: a busy flag that is tested and set before the first await admits one at a time
# expect: clean
# why: whoever finds it set goes away; it is reset when all is written.
import asyncio

import raceway


class Index:
    def __init__(self) -> None:
        self.building = False
        self.version = 0


index = raceway.watch(Index(), name="index")


async def rebuild(start: float) -> bool:
    await asyncio.sleep(start)
    if index.building:
        return False
    index.building = True
    try:
        version = index.version
        await asyncio.sleep(0.002)
        index.version = version + 1
    finally:
        index.building = False
    return True


async def main() -> None:
    built = await asyncio.gather(rebuild(0), rebuild(0), rebuild(0.05))
    print(index.version == sum(built))


asyncio.run(main())
