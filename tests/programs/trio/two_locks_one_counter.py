# title: deposits and withdrawals hold a lock each
# expect: atomicity-violation account.cents
# lines: 22,24 | 29,31
# severity: critical
# requires: trio
# why: the two locks keep out deposits from deposits only.
import trio

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


account = raceway.watch(Account(), name="account")


async def deposit(lock: trio.Lock) -> None:
    async with lock:
        cents = account.cents
        await trio.lowlevel.checkpoint()
        account.cents = cents + 10


async def withdraw(lock: trio.Lock) -> None:
    async with lock:
        cents = account.cents
        await trio.lowlevel.checkpoint()
        account.cents = cents - 5


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deposit, trio.Lock())
        nursery.start_soon(withdraw, trio.Lock())


trio.run(main)
print("booked")
