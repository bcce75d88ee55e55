# title: a call_soon() callback increments what a task is about to overwrite
# expect: atomicity-violation stats.hits
# lines: 24,26
# severity: critical
# why: the callback runs during the await; the task then stores the value from before.
import asyncio

import raceway


class Stats:
    def __init__(self) -> None:
        self.hits = 0


stats = raceway.watch(Stats(), name="stats")


def hit() -> None:
    stats.hits += 1


async def update() -> None:
    hits = stats.hits
    await asyncio.sleep(0)
    stats.hits = hits + 10


async def main() -> None:
    task = asyncio.create_task(update())
    asyncio.get_running_loop().call_soon(hit)
    await task


asyncio.run(main())
print("updated")
