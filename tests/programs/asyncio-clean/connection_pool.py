# title: a semaphore admits as many tasks as there are connections
# expect: clean
# why: a connection is taken from the free ones and put back; at any time it has one user.
import asyncio

import raceway


class Connection:
    def __init__(self) -> None:
        self.queries = 0


free = [raceway.watch(Connection(), name="connection") for _ in range(2)]


async def query(permits: asyncio.Semaphore, steps: int) -> None:
    async with permits:
        connection = free.pop()
        queries = connection.queries
        for _ in range(steps):
            await asyncio.sleep(0)
        connection.queries = queries + 1
        free.append(connection)


async def main() -> None:
    permits = asyncio.Semaphore(2)
    await asyncio.gather(*(query(permits, steps) for steps in (3, 1, 2, 4, 1)))
    print(sum(connection.queries for connection in free))


asyncio.run(main())
