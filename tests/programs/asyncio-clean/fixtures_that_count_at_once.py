# title: an asynchronous generator counts up before its yield and down after it
# expect: clean
# why: each change reads the number afresh, without an await in between.
import asyncio
import contextlib

import raceway


class Meter:
    def __init__(self) -> None:
        self.active = 0
        self.total = 0


meter = raceway.watch(Meter(), name="meter")


@contextlib.asynccontextmanager
async def fixture():
    meter.active += 1
    number = meter.active
    try:
        yield number
    finally:
        meter.active -= 1
        meter.total += 1


async def case() -> None:
    async with fixture() as number:
        await asyncio.sleep(0)
        assert number > 0


async def main() -> None:
    await asyncio.gather(case(), case())
    print(meter.active, meter.total)


asyncio.run(main())
