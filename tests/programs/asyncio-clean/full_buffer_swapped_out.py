# title: who fills the buffer takes it out and sends it, while others fill a new one
# expect: clean
# why: nothing lies between the look at its length and the exchange, and nobody has the old one then.
import asyncio

import raceway


class Buffer:
    def __init__(self) -> None:
        self.items = []
        self.sent = 0


buffer = raceway.watch(Buffer(), name="buffer")


async def flush() -> None:
    batch, buffer.items = buffer.items, []
    await asyncio.sleep(0.001)
    buffer.sent += len(batch)


async def add(item: int) -> None:
    buffer.items.append(item)
    if len(buffer.items) >= 2:
        await flush()


async def main() -> None:
    await asyncio.gather(*(add(item) for item in range(6)))
    print(buffer.sent)


asyncio.run(main())
