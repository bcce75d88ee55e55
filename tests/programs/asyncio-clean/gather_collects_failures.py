# title: failed downloads are counted after gather(return_exceptions=True)
# expect: clean
# needs: RECEIVE
# why: with return_exceptions gather() waits for all, also when one of them has failed early.
import asyncio

import raceway


class Progress:
    def __init__(self) -> None:
        self.bytes = 0


progress = raceway.watch(Progress(), name="progress")


async def fails() -> None:
    await asyncio.sleep(0)
    raise OSError("connection reset")


async def loads() -> None:
    before = progress.bytes
    for _ in range(5):
        await asyncio.sleep(0)
    progress.bytes = before + 100


async def main() -> None:
    outcome = await asyncio.gather(fails(), loads(), return_exceptions=True)
    before = progress.bytes
    await asyncio.sleep(0)
    progress.bytes = before + 1
    print(progress.bytes, [type(one).__name__ for one in outcome])


asyncio.run(main())
