# title: two anyio tasks on trio read a balance, wait, and write it back
# expect: atomicity-violation account.cents
# lines: 22,24
# severity: critical
# requires: trio, anyio
# why: the other task runs at the checkpoint in between.
import anyio
import anyio.lowlevel

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


account = raceway.watch(Account(), name="account")


async def deposit() -> None:
    cents = account.cents
    await anyio.lowlevel.checkpoint()
    account.cents = cents + 10


async def main() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(deposit)
        group.start_soon(deposit)


anyio.run(main, backend="trio")
print("deposited")
