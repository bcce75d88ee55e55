# title: a child and the block that has started it count on
# expect: atomicity-violation index.documents
# lines: 21,23 | 29,31
# severity: critical
# requires: trio
# why: only the end of the block waits for the child.
import trio

import raceway


class Index:
    def __init__(self) -> None:
        self.documents = 0


index = raceway.watch(Index(), name="index")


async def add() -> None:
    before = index.documents
    await trio.lowlevel.checkpoint()
    index.documents = before + 1


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(add)
        before = index.documents
        await trio.lowlevel.checkpoint()
        index.documents = before + 1


trio.run(main)
print("indexed")
