# title: the block of a nursery is left, and then the total is changed
# expect: clean
# needs: RECEIVE
# requires: trio
# why: the end of the block comes after all children, whether it had to wait or not.
import trio

import raceway


class Index:
    def __init__(self) -> None:
        self.documents = 0


index = [raceway.watch(Index(), name="index") for _ in range(3)]


async def add(part: Index) -> None:
    before = part.documents
    await trio.lowlevel.checkpoint()
    part.documents = before + 1


async def main() -> None:
    for late in (False, True):
        async with trio.open_nursery() as nursery:
            for part in index:
                nursery.start_soon(add, part)
            for _ in range(9 if late else 0):
                await trio.lowlevel.checkpoint()
        for part in index:
            before = part.documents
            await trio.lowlevel.checkpoint()
            part.documents = before + 1


trio.run(main)
index[0].documents += 1
print([part.documents for part in index])
