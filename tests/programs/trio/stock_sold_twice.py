# title: the stock is checked before the payment and reduced after it
# expect: atomicity-violation stock['book']
# lines: 19,21
# requires: trio
# why: both tasks pass the check before either of them reduces the stock.
import trio

import raceway

stock = raceway.watch({"book": 1}, name="stock")
sold = []


async def pay() -> None:
    await trio.lowlevel.checkpoint()


async def buy(name: str) -> None:
    if stock["book"] > 0:
        await pay()
        stock["book"] -= 1
        sold.append(name)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(buy, "alice")
        nursery.start_soon(buy, "bob")


trio.run(main)
print(sorted(sold))
