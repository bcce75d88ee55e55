# title: a consumer waits at a trio.Condition until something is there
# expect: clean
# needs: ACQUIRE
# requires: trio
# why: the count is only used with the condition's lock held, awaits included.
import trio

import raceway


class Box:
    def __init__(self) -> None:
        self.items = 0


box = raceway.watch(Box(), name="box")


async def produce(changed: trio.Condition) -> None:
    for _ in range(3):
        async with changed:
            items = box.items
            await trio.lowlevel.checkpoint()
            box.items = items + 1
            changed.notify()


async def consume(changed: trio.Condition) -> None:
    for _ in range(3):
        async with changed:
            while box.items == 0:
                await changed.wait()
            items = box.items
            await trio.lowlevel.checkpoint()
            box.items = items - 1


async def main() -> None:
    changed = trio.Condition()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(consume, changed)
        nursery.start_soon(produce, changed)


trio.run(main)
print(box.items)
