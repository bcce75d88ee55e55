# title: threads return numbers, and only the loop adds them to the total
# expect: clean
# why: the total is touched by the loop alone, without an await inside of the update.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.value = 0


total = raceway.watch(Total(), name="total")


def compute(n: int) -> int:
    return n * n


async def collect(n: int) -> None:
    result = await asyncio.to_thread(compute, n)
    total.value += result


async def main() -> None:
    await asyncio.gather(*(collect(n) for n in (1, 2, 3)))


asyncio.run(main())
print(total.value)
