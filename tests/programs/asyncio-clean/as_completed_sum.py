# title: one task sums results in the order in which they arrive
# expect: clean
# why: the total is read and written across awaits, but by one task only.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.n = 0


total = raceway.watch(Total(), name="total")


async def fetch(n: int) -> int:
    await asyncio.sleep(0)
    return n


async def main() -> None:
    for future in asyncio.as_completed([fetch(n) for n in (1, 2, 3)]):
        total.n += await future
    print(total.n)


asyncio.run(main())
