# title: the flusher awaits the send and subtracts what it has sent
# expect: clean
# why: the subtraction reads the number afresh, without an await inside.
import asyncio

import raceway


class Stats:
    def __init__(self) -> None:
        self.pending = 0
        self.sent = 0


stats = raceway.watch(Stats(), name="stats")


async def transmit(n: int) -> None:
    await asyncio.sleep(0)


async def flush() -> None:
    for _ in range(2):
        pending = stats.pending
        await transmit(pending)
        stats.pending -= pending
        stats.sent += pending


async def work(n: int) -> None:
    for _ in range(3):
        stats.pending += n
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(work(1), flush(), work(10))
    await flush()
    print(stats.pending, stats.sent)


asyncio.run(main())
