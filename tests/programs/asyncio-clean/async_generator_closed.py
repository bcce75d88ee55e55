# title: a cursor is closed with aclose() before its connection is used again
# expect: clean
# why: aclose() runs the finally block of the generator in the task that calls it.
import asyncio
from collections.abc import AsyncIterator

import raceway


class Connection:
    def __init__(self) -> None:
        self.cursors = 0


connection = raceway.watch(Connection(), name="connection")


async def rows() -> AsyncIterator[int]:
    connection.cursors += 1
    try:
        for n in range(10):
            await asyncio.sleep(0)
            yield n
    finally:
        cursors = connection.cursors
        await asyncio.sleep(0)
        connection.cursors = cursors - 1


async def main() -> None:
    cursor = rows()
    async for n in cursor:
        if n == 2:
            break
    await cursor.aclose()
    cursors = connection.cursors
    await asyncio.sleep(0)
    connection.cursors = cursors + 1
    print(connection.cursors)


asyncio.run(main())
