# title: wait_for() runs out, and the task gives its permit back in finally
# expect: clean
# needs: RECEIVE, JOIN
# why: wait_for() cancels the task and returns only when its finally block has run.
import asyncio

import raceway


class Permits:
    def __init__(self) -> None:
        self.free = 3


permits = raceway.watch(Permits(), name="permits")


async def hold() -> None:
    permits.free -= 1
    try:
        await asyncio.Event().wait()
    finally:
        free = permits.free
        await asyncio.sleep(0)
        permits.free = free + 1


async def main() -> None:
    try:
        await asyncio.wait_for(asyncio.create_task(hold()), timeout=0.01)
    except asyncio.TimeoutError:
        free = permits.free
        await asyncio.sleep(0)
        permits.free = free - 1
    print(permits.free)


asyncio.run(main())
