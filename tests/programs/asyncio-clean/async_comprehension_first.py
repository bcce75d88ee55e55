# title: a total is changed at once with the sum of an async comprehension
# expect: clean
# why: the comprehension is done before the total is read.
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
    account.total = sum([amount async for amount in payments()]) + account.total


async def main() -> None:
    await asyncio.gather(book(), book())
    print(account.total)


asyncio.run(main())
