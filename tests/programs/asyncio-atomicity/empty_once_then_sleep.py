# title: a task looks once whether the queue is empty and pops after a sleep
# expect: atomicity-violation items | items[*]
# lines: 14,17
# why: another task may pop the last item during the sleep.
import asyncio
from collections import deque

import raceway

items = raceway.watch(deque([1, 2, 3]), name="items")


async def consume() -> int | None:
    if not items:
        return None
    await asyncio.sleep(0)
    return items.popleft()


async def main() -> None:
    await asyncio.gather(consume(), consume())


asyncio.run(main())
print(len(items))
