# title: each session changes its own entry across awaits
# expect: clean
# why: the sessions share the dict but no key.
import asyncio

import raceway

carts = raceway.watch({}, name="carts")


async def shop(user: str) -> int:
    carts[user] = 0
    for price in (1, 2):
        before = carts[user]
        await asyncio.sleep(0)
        carts[user] = before + price
    return carts.pop(user)


async def main() -> None:
    print(await asyncio.gather(shop("ann"), shop("bob")))


asyncio.run(main())
print(len(carts))
