# title: the first of two mirrors wins, the other one is cancelled and awaited
# expect: clean
# needs: RECEIVE, JOIN
# why: wait(FIRST_COMPLETED) knows the end of the one, and the cancelled one has been awaited.
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
    far = asyncio.create_task(fetch(20, 1000))
    done, pending = await asyncio.wait({near, far}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)
    before = package.size
    await asyncio.sleep(0)
    package.size = before + 1
    print(package.size, len(done))


asyncio.run(main())
