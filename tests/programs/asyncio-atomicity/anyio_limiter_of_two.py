# title: an anyio.CapacityLimiter of two is taken for a lock
# expect: atomicity-violation account.cents
# lines: 23,25
# severity: critical
# requires: anyio
# why: two tasks are admitted at a time.
import anyio
import anyio.lowlevel

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


account = raceway.watch(Account(), name="account")


async def deposit(limiter: anyio.CapacityLimiter) -> None:
    async with limiter:
        cents = account.cents
        await anyio.lowlevel.checkpoint()
        account.cents = cents + 10


async def main() -> None:
    limiter = anyio.CapacityLimiter(2)
    async with anyio.create_task_group() as group:
        group.start_soon(deposit, limiter)
        group.start_soon(deposit, limiter)


anyio.run(main)
print("deposited")
