# title: nobody awaits anything while holding the lock
# expect: clean
# why: the lock is always free when a task comes to it, so acquiring it lets nobody else run.
import asyncio

import raceway


class Pool:
    def __init__(self) -> None:
        self.size = 5


pool = raceway.watch(Pool(), name="pool")


async def shrink(lock: asyncio.Lock) -> None:
    size = pool.size
    async with lock:
        pool.size = size - 1


async def main() -> None:
    lock = asyncio.Lock()
    await asyncio.gather(shrink(lock), shrink(lock))
    print(pool.size)


asyncio.run(main())
