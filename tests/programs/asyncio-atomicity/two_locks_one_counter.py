# title: deposits and withdrawals hold a lock each
# expect: atomicity-violation account.cents
# lines: 21,23 | 28,30
# severity: critical
# why: the two locks keep out deposits from deposits only.
import asyncio

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


account = raceway.watch(Account(), name="account")


async def deposit(lock: asyncio.Lock) -> None:
    async with lock:
        cents = account.cents
        await asyncio.sleep(0)
        account.cents = cents + 10


async def withdraw(lock: asyncio.Lock) -> None:
    async with lock:
        cents = account.cents
        await asyncio.sleep(0)
        account.cents = cents - 5


async def main() -> None:
    await asyncio.gather(deposit(asyncio.Lock()), withdraw(asyncio.Lock()))


asyncio.run(main())
print("booked")
