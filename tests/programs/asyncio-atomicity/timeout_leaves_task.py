# title: asyncio.timeout() ends the wait, but not the job that others wait for
# expect: atomicity-violation result.rows
# lines: 22,24 | 36,38
# severity: critical
# min-python: 3.11
# why: only the wait for the event is cancelled; the task that would set it goes on.
import asyncio

import raceway


class Result:
    def __init__(self) -> None:
        self.rows = 0


result = raceway.watch(Result(), name="result")


async def query(go_on: asyncio.Event, done: asyncio.Event) -> None:
    await go_on.wait()
    rows = result.rows
    await asyncio.sleep(0)
    result.rows = rows + 1
    done.set()


async def main() -> None:
    go_on, done = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(query(go_on, done))
    try:
        async with asyncio.timeout(0.01):
            await done.wait()
    except TimeoutError:
        go_on.set()
        rows = result.rows
        await asyncio.sleep(0)
        result.rows = rows + 10
    await task
    print("answered")


asyncio.run(main())
