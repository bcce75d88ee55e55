# title: the balance is passed into a coroutine that stores what is left of it
# expect: atomicity-violation purse.coins
# lines: 21,25
# severity: critical
# why: the argument is as old as the await in the callee.
import asyncio

import raceway


class Purse:
    def __init__(self) -> None:
        self.coins = 10


purse = raceway.watch(Purse(), name="purse")


async def settle(coins: int, price: int) -> None:
    await asyncio.sleep(0)
    purse.coins = coins - price


async def buy(price: int) -> None:
    await settle(purse.coins, price=price)


async def main() -> None:
    await asyncio.gather(buy(2), buy(3))


asyncio.run(main())
print("bought")
