# title: the only sender awaits the first items and deletes as many
# expect: clean
# why: the others only append, so what is deleted is what was sent.
import asyncio

import raceway


class Outbox:
    def __init__(self) -> None:
        self.items = []
        self.closed = False
        self.wake = asyncio.Event()


async def send(items: list) -> None:
    await asyncio.sleep(0)
    sent.extend(items)


async def sender(outbox: Outbox) -> None:
    while True:
        await outbox.wake.wait()
        outbox.wake.clear()
        while outbox.items:
            batch = outbox.items[:2]
            await send(batch)
            del outbox.items[: len(batch)]
        if outbox.closed:
            return


async def produce(outbox: Outbox, start: int) -> None:
    for n in range(3):
        outbox.items.append(start + n)
        outbox.wake.set()
        await asyncio.sleep(0)


sent = []


async def main() -> None:
    outbox = raceway.watch(Outbox(), name="outbox")
    task = asyncio.create_task(sender(outbox))
    await asyncio.gather(produce(outbox, 0), produce(outbox, 10))
    outbox.closed = True
    outbox.wake.set()
    await task
    print(sorted(sent))


asyncio.run(main())
