"""The shop of ``inventory.py``, with one lock around the read, the ``await`` and the write.

The lock is one of asyncio: a ``threading.Lock`` held across an ``await`` can block the whole loop.
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
        self.lock = asyncio.Lock()

    async def reserve(self, item: str) -> bool:
        """Sell one ``item`` if there is one left."""
        async with self.lock:
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
