# title: a counter is taken and reset before the upload
# expect: clean
# why: nothing can be counted between the read and the reset.
import asyncio

import raceway


class Usage:
    def __init__(self) -> None:
        self.bytes = 10


usage = raceway.watch(Usage(), name="usage")
uploaded = []


async def upload(total: int) -> None:
    await asyncio.sleep(0)
    uploaded.append(total)


async def flush() -> None:
    total, usage.bytes = usage.bytes, 0
    await upload(total)


async def transfer() -> None:
    for _ in range(2):
        usage.bytes += 5
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(flush(), transfer())
    await flush()


asyncio.run(main())
print(sum(uploaded))
