# title: a trio.StrictFIFOLock is tried until it is free, and held over the update
# expect: clean
# needs: TRY_ACQUIRE
# requires: trio
# why: who does not get the lock tries again.
import trio

import raceway


class Account:
    def __init__(self) -> None:
        self.cents = 0


account = raceway.watch(Account(), name="account")


async def deposit(lock: trio.StrictFIFOLock) -> None:
    while True:
        try:
            lock.acquire_nowait()
            break
        except trio.WouldBlock:
            await trio.lowlevel.checkpoint()
    try:
        cents = account.cents
        await trio.lowlevel.checkpoint()
        account.cents = cents + 10
    finally:
        lock.release()


async def main() -> None:
    lock = trio.StrictFIFOLock()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(deposit, lock)


trio.run(main)
print(account.cents)
