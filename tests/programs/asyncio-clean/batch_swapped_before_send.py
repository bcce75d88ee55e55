# title: a batching writer swaps its buffer before it sends
# expect: clean
# why: the batch is taken out in one step, and what comes later goes into the new list.
import asyncio

import raceway


class Writer:
    def __init__(self) -> None:
        self.rows = []
        self.sent = 0

    async def flush(self) -> None:
        batch, self.rows = self.rows, []
        await asyncio.sleep(0)
        self.sent += len(batch)


writer = raceway.watch(Writer(), name="writer")


async def produce() -> None:
    for n in range(3):
        writer.rows.append(n)
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(produce(), writer.flush(), produce())
    await writer.flush()
    print(writer.sent)


asyncio.run(main())
