# title: the reader sleeps until the writer has said that it is ready
# expect: clean
# why: the loop ends only when the flag is set, which is the last that the writer does.
import asyncio

import raceway


class Box:
    def __init__(self) -> None:
        self.ready = False
        self.value = 0


box = raceway.watch(Box(), name="box")


async def write() -> None:
    value = box.value
    await asyncio.sleep(0.002)
    box.value = value + 5
    box.ready = True


async def read() -> None:
    while not box.ready:
        await asyncio.sleep(0.001)
    value = box.value
    await asyncio.sleep(0)
    box.value = value * 2


async def main() -> None:
    await asyncio.gather(write(), read())
    print(box.value)


asyncio.run(main())
