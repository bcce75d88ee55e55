# title: the last book is taken before the payment
# expect: clean
# requires: trio
# why: the check and the change are not separated by a checkpoint.
import trio

import raceway

stock = raceway.watch({"book": 1}, name="stock")
sold = []


async def pay() -> None:
    await trio.lowlevel.checkpoint()


async def buy(name: str) -> None:
    if stock["book"] > 0:
        stock["book"] -= 1
        await pay()
        sold.append(name)


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(buy, "alice")
        nursery.start_soon(buy, "bob")


trio.run(main)
print(len(sold))
