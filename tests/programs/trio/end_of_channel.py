# title: two workers close their clones of a channel, and a third one sums up
# expect: clean
# needs: SEND
# requires: trio
# why: EndOfChannel is raised when all clones are closed.
import trio

import raceway


class Total:
    def __init__(self) -> None:
        self.lines = 0


totals = [raceway.watch(Total(), name="total") for _ in range(2)]


async def count(total: Total, done: trio.MemorySendChannel) -> None:
    async with done:
        lines = total.lines
        await trio.lowlevel.checkpoint()
        total.lines = lines + 10


async def sum_up(done: trio.MemoryReceiveChannel) -> None:
    async for _ in done:
        pass
    for total in totals:
        lines = total.lines
        await trio.lowlevel.checkpoint()
        total.lines = lines + 1


async def main() -> None:
    send, receive = trio.open_memory_channel(0)
    async with trio.open_nursery() as nursery, send:
        nursery.start_soon(sum_up, receive)
        for total in totals:
            nursery.start_soon(count, total, send.clone())


trio.run(main)
print([total.lines for total in totals])
