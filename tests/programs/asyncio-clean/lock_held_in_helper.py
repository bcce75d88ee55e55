# title: the helper that awaits is called with the lock held
# expect: clean
# why: read and write lie in one async with block of the caller.
import asyncio

import raceway


class Ledger:
    def __init__(self) -> None:
        self.sum = 0

    async def _read(self) -> int:
        await asyncio.sleep(0)
        return self.sum

    async def _write(self, total: int) -> None:
        await asyncio.sleep(0)
        self.sum = total


ledger = raceway.watch(Ledger(), name="ledger")


async def enter(amount: int, lock: asyncio.Lock) -> None:
    async with lock:
        total = await ledger._read()
        await ledger._write(total + amount)


async def main() -> None:
    lock = asyncio.Lock()
    async with asyncio.Lock():
        await asyncio.gather(*(enter(n, lock) for n in (1, 2, 3)))


asyncio.run(main())
print(ledger.sum)
