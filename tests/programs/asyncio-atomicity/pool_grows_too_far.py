# title: a connection pool checks its size before it connects
# expect: atomicity-violation pool.size
# lines: 25,27
# severity: critical
# why: both tasks see a free place, and both open a connection.
import asyncio

import raceway


class Pool:
    def __init__(self) -> None:
        self.size = 0
        self.limit = 1


pool = raceway.watch(Pool(), name="pool")


async def connect() -> None:
    await asyncio.sleep(0)


async def acquire() -> bool:
    if pool.size < pool.limit:
        await connect()
        pool.size += 1
        return True
    return False


async def main() -> None:
    await asyncio.gather(acquire(), acquire())


asyncio.run(main())
print("connected")
