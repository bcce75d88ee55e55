# title: a task sleeps while the queue is empty and then takes an item
# expect: clean
# why: the test that ends the loop and the popleft are not separated by an await.
import asyncio
from collections import deque

import raceway

items = raceway.watch(deque(), name="items")
got = []


async def consume() -> None:
    while len(items) == 0:
        await asyncio.sleep(0)
    got.append(items.popleft())


async def produce() -> None:
    for n in range(2):
        await asyncio.sleep(0)
        items.append(n)


async def main() -> None:
    await asyncio.gather(consume(), consume(), produce())


asyncio.run(main())
print(sorted(got))
