# title: a price is stored unless a method raises that somebody has changed it
# expect: clean
# why: the method raises if the versions differ, and nothing is awaited after it.
import asyncio

import raceway


class ChangedError(Exception):
    pass


class Price:
    def __init__(self) -> None:
        self.euros = 10
        self.version = 0

    def demand(self, version: int) -> None:
        if self.version != version:
            raise ChangedError


price = raceway.watch(Price(), name="price")
outcomes = []


async def discuss(euros: int) -> int:
    await asyncio.sleep(0)
    return euros + 2


async def raise_price() -> None:
    version = price.version
    euros = await discuss(price.euros)
    try:
        price.demand(version)
    except ChangedError:
        outcomes.append("too late")
        return
    price.euros = euros
    price.version += 1
    outcomes.append("raised")


async def main() -> None:
    await asyncio.gather(raise_price(), raise_price())


asyncio.run(main())
print(price.euros, outcomes)
