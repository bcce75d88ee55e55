# title: the stock is checked before the payment and reduced after it
# expect: atomicity-violation stock['book']
# lines: 19,21
# min-python: 3.11
# why: both tasks pass the check before either of them reduces the stock.
import asyncio

import raceway

stock = raceway.watch({"book": 1}, name="stock")
sold = []


async def pay() -> None:
    await asyncio.sleep(0)


async def buy(name: str) -> None:
    if stock["book"] > 0:
        await pay()
        stock["book"] -= 1
        sold.append(name)


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(buy("alice"))
        group.create_task(buy("bob"))


asyncio.run(main())
print(sorted(sold))
