# title: the level is read for the log before an await and counted afresh after it
# expect: clean
# why: what is read before the await only goes into the log.
import asyncio

import raceway


class Meter:
    def __init__(self) -> None:
        self.level = 0


meter = raceway.watch(Meter(), name="meter")
log = []


async def write_log(text: str) -> None:
    await asyncio.sleep(0)
    log.append(text)


async def fill(amount: int) -> None:
    before = meter.level
    await write_log(f"{before} before {amount}")
    meter.level += amount


async def main() -> None:
    await asyncio.gather(*(fill(n) for n in (1, 2, 3)))


asyncio.run(main())
print(meter.level)
