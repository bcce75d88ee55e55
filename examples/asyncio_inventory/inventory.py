"""A stock that sells the same item twice, with one thread and no locks in sight.

Between two ``await`` nothing else runs, so single accesses need no lock. What is read before an
``await`` and written back after it is another matter: other tasks run in between.
"""

from __future__ import annotations

import asyncio

import raceway

CUSTOMERS = 8


class Inventory:
    """What the shop has on its shelves."""

    def __init__(self) -> None:
        self.stock = raceway.watch({"apple": 5, "pear": 3}, name="stock")
        self.sold = 0

    async def reserve(self, item: str) -> bool:
        """Sell one ``item`` if there is one left."""
        left = self.stock[item]
        if left == 0:
            return False
        await charge_customer()
        self.stock[item] = left - 1
        self.sold += 1
        return True


async def charge_customer() -> None:
    """Stand for a call to a payment service."""
    await asyncio.sleep(0.001)


async def main() -> None:
    """Let all customers buy an apple at once."""
    shop = Inventory()
    before = shop.stock["apple"]
    await asyncio.gather(*(shop.reserve("apple") for _ in range(CUSTOMERS)))
    print(f"apples: {before} before, {shop.sold} sold, {shop.stock['apple']} left")


if __name__ == "__main__":
    asyncio.run(main())
