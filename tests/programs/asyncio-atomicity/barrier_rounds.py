# title: what a worker does between two rounds of a barrier is not ordered by the first
# expect: atomicity-violation grid.left
# lines: 29,31,23
# severity: critical
# min-python: 3.11
# why: both have left the first round, and both change the same half before the second.
import asyncio

import raceway


class Grid:
    def __init__(self) -> None:
        self.left = 0


grid = raceway.watch(Grid(), name="grid")


async def quick(barrier: asyncio.Barrier) -> None:
    await asyncio.sleep(0)
    await barrier.wait()
    grid.left += 1
    await barrier.wait()


async def slow(barrier: asyncio.Barrier) -> None:
    await barrier.wait()
    left = grid.left
    await asyncio.sleep(0)
    grid.left = left + 1
    await barrier.wait()


async def main() -> None:
    barrier = asyncio.Barrier(2)
    await asyncio.gather(slow(barrier), quick(barrier))


asyncio.run(main())
print("filled")
