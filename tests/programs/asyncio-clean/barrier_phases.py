# title: two workers fill their halves, meet at a barrier, and one of them sums up
# expect: clean
# needs: RECEIVE
# min-python: 3.11
# why: all arrivals at the barrier come before all departures.
import asyncio

import raceway


class Grid:
    def __init__(self) -> None:
        self.left = 0
        self.right = 0


grid = raceway.watch(Grid(), name="grid")


async def fill_left(barrier: asyncio.Barrier) -> None:
    left = grid.left
    await asyncio.sleep(0)
    grid.left = left + 1
    await barrier.wait()
    right = grid.right
    await asyncio.sleep(0)
    grid.right = right + 10


async def fill_right(barrier: asyncio.Barrier) -> None:
    right = grid.right
    for _ in range(5):
        await asyncio.sleep(0)
    grid.right = right + 1
    await barrier.wait()
    left = grid.left
    await asyncio.sleep(0)
    grid.left = left + 10


async def main() -> None:
    barrier = asyncio.Barrier(2)
    await asyncio.gather(fill_left(barrier), fill_right(barrier))
    print(grid.left, grid.right)


asyncio.run(main())
