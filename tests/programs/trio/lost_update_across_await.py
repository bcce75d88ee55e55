# title: two tasks read a balance, wait, and write it back
# expect: atomicity-violation account.cents
# lines: 21,23
# severity: critical
# requires: trio
# why: the other task runs at the checkpoint in between.
import trio

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


account = raceway.watch(Account(), name="account")


async def deposit() -> None:
    cents = account.cents
    await trio.lowlevel.checkpoint()
    account.cents = cents + 10


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(deposit)
        nursery.start_soon(deposit)


trio.run(main)
print("deposited")
