# title: the first of two mirrors wins, and the other one is left running
# expect: atomicity-violation package.size
# lines: 22,24 | 32,34
# severity: critical
# why: wait(FIRST_COMPLETED) says nothing about the pending task, which updates as well.
import asyncio

import raceway


class Package:
    def __init__(self) -> None:
        self.size = 0


package = raceway.watch(Package(), name="package")


async def fetch(size: int, steps: int) -> int:
    for _ in range(steps):
        await asyncio.sleep(0)
    before = package.size
    await asyncio.sleep(0)
    package.size = before + size
    return size


async def main() -> None:
    near = asyncio.create_task(fetch(10, 1))
    far = asyncio.create_task(fetch(20, 9))
    await asyncio.wait({near, far}, return_when=asyncio.FIRST_COMPLETED)
    before = package.size
    await asyncio.sleep(0)
    package.size = before + 1
    await far
    print("fetched")


asyncio.run(main())
