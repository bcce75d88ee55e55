# title: a counter is uploaded and reset after the upload
# expect: atomicity-violation usage.bytes
# lines: 23,24
# why: bytes that are counted during the upload are never uploaded.
import asyncio

import raceway


class Usage:
    def __init__(self) -> None:
        self.bytes = 10


usage = raceway.watch(Usage(), name="usage")


async def upload(total: int) -> None:
    await asyncio.sleep(0)


async def flush() -> None:
    await upload(usage.bytes)
    usage.bytes = 0


async def transfer() -> None:
    for _ in range(2):
        usage.bytes += 5
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(flush(), transfer())


asyncio.run(main())
print("flushed")
