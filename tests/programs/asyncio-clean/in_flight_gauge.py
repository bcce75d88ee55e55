# title: requests in flight are counted around an await
# expect: clean
# why: each change is a read and a write without an await in between.
import asyncio
import contextlib
from collections.abc import AsyncIterator

import raceway


class Gauge:
    def __init__(self) -> None:
        self.active = 0
        self.peak = 0


gauge = raceway.watch(Gauge(), name="gauge")


@contextlib.asynccontextmanager
async def in_flight() -> AsyncIterator[None]:
    gauge.active += 1
    gauge.peak = max(gauge.peak, gauge.active)
    try:
        yield
    finally:
        gauge.active -= 1


async def request() -> None:
    async with in_flight():
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(*(request() for _ in range(4)))


asyncio.run(main())
print(gauge.active, gauge.peak)
