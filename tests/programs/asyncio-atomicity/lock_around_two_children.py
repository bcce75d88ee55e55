# title: a lock is held over gather(), whose children run at the same time
# expect: atomicity-violation session.requests
# lines: 20,22
# severity: critical
# why: the lock keeps other callers out, not the two children apart.
import asyncio

import raceway


class Session:
    def __init__(self) -> None:
        self.requests = 0


session = raceway.watch(Session(), name="session")


async def update() -> None:
    requests = session.requests
    await asyncio.sleep(0)
    session.requests = requests + 1


async def main() -> None:
    lock = asyncio.Lock()
    async with lock:
        await asyncio.gather(update(), update())


asyncio.run(main())
print("used")
