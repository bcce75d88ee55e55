# title: a trio.Semaphore(1) spans the whole update
# expect: clean
# needs: ACQUIRE
# requires: trio
# why: with one permit it excludes the other tasks as a lock does.
import trio

import raceway


class Pool:
    def __init__(self) -> None:
        self.used = 0


pool = raceway.watch(Pool(), name="pool")


async def use(permit: trio.Semaphore) -> None:
    async with permit:
        used = pool.used
        await trio.lowlevel.checkpoint()
        pool.used = used + 1


async def main() -> None:
    permit = trio.Semaphore(1)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(use, permit)


trio.run(main)
print(pool.used)
