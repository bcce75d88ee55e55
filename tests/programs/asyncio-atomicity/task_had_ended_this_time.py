# title: a total is read, then a task awaited that happens to have ended
# expect: atomicity-violation total.cents
# lines: 33,34,26
# severity: critical
# why: the quick look-up could take longer, and the fee be booked meanwhile.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.cents = 0


total = raceway.watch(Total(), name="total")


async def look_up() -> int:
    return 5


async def fee() -> None:
    for _ in range(3):
        await asyncio.sleep(0)
    total.cents += 1


async def book() -> None:
    price = asyncio.create_task(look_up())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    cents = total.cents
    total.cents = cents + await price


async def main() -> None:
    await asyncio.gather(book(), fee())


asyncio.run(main())
print("booked")
