# title: a total is read before an async comprehension and written after it
# expect: atomicity-violation account.total
# lines: 27,27
# severity: critical
# why: the left side is read first, and the comprehension lets the other task in.
import asyncio
from collections.abc import AsyncIterator

import raceway


class Account:
    def __init__(self) -> None:
        self.total = 0


account = raceway.watch(Account(), name="account")


async def payments() -> AsyncIterator[int]:
    for amount in (1, 2):
        await asyncio.sleep(0)
        yield amount


async def book() -> None:
    account.total = account.total + sum([amount async for amount in payments()])


async def main() -> None:
    await asyncio.gather(book(), book())


asyncio.run(main())
print("booked")
