# title: a trio.Lock is held over the whole update
# expect: clean
# needs: ACQUIRE
# requires: trio
# why: whoever comes in between waits for the lock.
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


async def main() -> None:
    lock = trio.Lock()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(deposit, lock)


trio.run(main)
print(account.cents)
