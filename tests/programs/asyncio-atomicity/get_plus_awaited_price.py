# title: get() is evaluated before the awaited price on its right
# expect: atomicity-violation totals['cart']
# lines: 19,19
# severity: critical
# why: the old total is on the stack while the price is fetched.
import asyncio

import raceway

totals = raceway.watch({"cart": 0}, name="totals")


async def price(item: str) -> int:
    await asyncio.sleep(0)
    return len(item)


async def add(item: str) -> None:
    totals["cart"] = totals.get("cart", 0) + await price(item)


async def main() -> None:
    await asyncio.gather(add("tea"), add("milk"))


asyncio.run(main())
print("added")
