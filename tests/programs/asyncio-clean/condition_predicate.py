# title: a consumer waits at an asyncio.Condition until something is there
# expect: clean
# why: count and condition are only used with the condition's lock held, awaits included.
import asyncio

import raceway


class Box:
    def __init__(self) -> None:
        self.items = 0


box = raceway.watch(Box(), name="box")


async def produce(changed: asyncio.Condition) -> None:
    for _ in range(3):
        async with changed:
            items = box.items
            await asyncio.sleep(0)
            box.items = items + 1
            changed.notify()


async def consume(changed: asyncio.Condition) -> None:
    for _ in range(3):
        async with changed:
            await changed.wait_for(lambda: box.items > 0)
            items = box.items
            await asyncio.sleep(0)
            box.items = items - 1


async def main() -> None:
    changed = asyncio.Condition()
    await asyncio.gather(consume(changed), produce(changed))


asyncio.run(main())
print(box.items)
