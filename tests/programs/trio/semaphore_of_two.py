# title: a trio.Semaphore(2) spans the whole update
# expect: atomicity-violation pool.used
# lines: 22,24
# severity: critical
# requires: trio
# why: it lets two in at a time.
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
    permit = trio.Semaphore(2)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(use, permit)


trio.run(main)
print("used")
