# title: two users of an anyio.Lock, one after the other
# expect: clean
# needs: ACQUIRE
# requires: anyio
# why: the lock is held over the await; that the two did not meet changes nothing.
import asyncio

import anyio
import anyio.lowlevel

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


account = raceway.watch(Account(), name="account")


async def deposit(lock: anyio.Lock, later: int) -> None:
    for _ in range(later):
        await asyncio.sleep(0)
    async with lock:
        cents = account.cents
        await anyio.lowlevel.checkpoint()
        account.cents = cents + 10


async def main() -> None:
    lock = anyio.Lock()
    async with anyio.create_task_group() as group:
        group.start_soon(deposit, lock, 0)
        group.start_soon(deposit, lock, 20)
    cents = account.cents
    await anyio.lowlevel.checkpoint()
    account.cents = cents + 1
    print(account.cents)


anyio.run(main)
