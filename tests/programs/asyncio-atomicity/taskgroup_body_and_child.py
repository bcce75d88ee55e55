# title: the body of a TaskGroup updates what its child updates
# expect: atomicity-violation index.documents
# lines: 21,23 | 31,33
# severity: critical
# min-python: 3.11
# why: the end of the block waits for the child, the body of the block does not.
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


asyncio.run(main())
print("indexed")
