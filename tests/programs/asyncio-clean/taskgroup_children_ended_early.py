# title: all children of a TaskGroup have ended before its block does
# expect: clean
# needs: JOIN
# min-python: 3.11
# why: the end of the block comes after all children, whether it had to wait or not.
import asyncio

import raceway


class Index:
    def __init__(self) -> None:
        self.documents = 0


index = raceway.watch(Index(), name="index")


async def add() -> None:
    before = index.documents
    await asyncio.sleep(0)
    index.documents = before + 1


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(add())
        for _ in range(10):
            await asyncio.sleep(0)
    before = index.documents
    await asyncio.sleep(0)
    index.documents = before + 1
    print(index.documents)


asyncio.run(main())
