# title: users of an anyio.Lock on trio, slow and fast
# expect: clean
# needs: ACQUIRE
# requires: trio, anyio
# why: the lock is held over the await, and the group is left when all have ended.
import anyio
import anyio.lowlevel

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


accounts = [raceway.watch(Account(), name="account") for _ in range(2)]


async def deposit(account: Account, lock: anyio.Lock) -> None:
    async with lock:
        cents = account.cents
        await anyio.lowlevel.checkpoint()
        account.cents = cents + 10


async def main() -> None:
    async with anyio.create_task_group() as group:
        for account, lock in zip(
            accounts, (anyio.Lock(), anyio.Lock(fast_acquire=True)), strict=True
        ):
            for _ in range(3):
                group.start_soon(deposit, account, lock)
    for account in accounts:
        cents = account.cents
        await anyio.lowlevel.checkpoint()
        account.cents = cents + 1
    print([account.cents for account in accounts])


anyio.run(main, backend="trio")
