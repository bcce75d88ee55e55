"""A service lets each customer make four requests a day; requests come in at the same time."""

import asyncio

import limits
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

FOUR_A_DAY = limits.parse("4/day")


async def main() -> None:
    limiter = MovingWindowRateLimiter(MemoryStorage())

    async def request(customer: str) -> bool:
        await asyncio.sleep(0.01)
        return await limiter.hit(FOUR_A_DAY, customer)

    granted = await asyncio.gather(*(request("alice") for _ in range(30)))
    print("granted:", sum(granted))


asyncio.run(main())
