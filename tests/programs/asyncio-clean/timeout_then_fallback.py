# title: asyncio.timeout() ends a slow query, and the fallback goes on from there
# expect: clean
# needs: RECEIVE, JOIN
# min-python: 3.11
# why: the query that was started before is cancelled, awaited and thereby over.
import asyncio

import raceway


class Result:
    def __init__(self) -> None:
        self.rows = 0


result = raceway.watch(Result(), name="result")


async def query() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        rows = result.rows
        await asyncio.sleep(0)
        result.rows = rows + 1


async def main() -> None:
    task = asyncio.create_task(query())
    try:
        async with asyncio.timeout(0.01):
            await task
    except TimeoutError:
        rows = result.rows
        await asyncio.sleep(0)
        result.rows = rows + 10
    print(result.rows)


asyncio.run(main())
