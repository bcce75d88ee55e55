# title: between read and write only what never waits is awaited
# expect: clean
# why: a coroutine without a switch point and a future that is known to be done let nobody run.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.cents = 0


total = raceway.watch(Total(), name="total")


async def rounded(cents: int) -> int:
    return cents - cents % 5


async def book(amount: int) -> None:
    rate = asyncio.get_running_loop().create_future()
    rate.set_result(2)
    cents = total.cents
    total.cents = cents + await rounded(amount) * await rate


async def main() -> None:
    await asyncio.gather(book(7), book(12))
    print(total.cents)


asyncio.run(main())
