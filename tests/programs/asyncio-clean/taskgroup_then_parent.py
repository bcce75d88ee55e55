# title: the parent updates across an await before and after a TaskGroup
# expect: clean
# min-python: 3.11
# why: the children start after the first update and have ended when the block is left.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.n = 0


total = raceway.watch(Total(), name="total")


async def add_slowly(amount: int) -> None:
    n = total.n
    await asyncio.sleep(0)
    total.n = n + amount


async def child() -> None:
    await asyncio.sleep(0)
    total.n += 1


async def main() -> None:
    await add_slowly(10)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(child())
    await add_slowly(10)
    print(total.n)


asyncio.run(main())
