# title: a lock is held over wait_for(), which may run the update in a task of its own
# expect: clean
# needs: ACQUIRE
# why: the task is started and awaited inside the critical section.
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


async def use(lock: asyncio.Lock) -> None:
    async with lock:
        await asyncio.wait_for(update(), timeout=30)


async def main() -> None:
    lock = asyncio.Lock()
    await asyncio.gather(use(lock), use(lock))
    print(session.requests)


asyncio.run(main())
