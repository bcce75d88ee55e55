# title: a download slot is taken before the await and given back after it
# expect: clean
# why: nothing comes between the test and the taking, and giving back is one step.
import asyncio

import raceway


class Slots:
    def __init__(self) -> None:
        self.free = 1
        self.refused = 0


slots = raceway.watch(Slots(), name="slots")


async def download() -> None:
    if not slots.free:
        slots.refused += 1
        return
    slots.free -= 1
    try:
        await asyncio.sleep(0)
    finally:
        slots.free += 1


async def main() -> None:
    await asyncio.gather(*(download() for _ in range(3)))


asyncio.run(main())
print(slots.free, slots.refused)
