# title: an object moves from task to task through memory channels
# expect: clean
# needs: HANDOFF
# requires: trio
# why: only the task that has received the object uses it, also across its awaits.
import trio

import raceway


class Parcel:
    def __init__(self) -> None:
        self.stamps = 0


async def stamp(inbox: trio.MemoryReceiveChannel, outbox: trio.MemorySendChannel) -> None:
    async with outbox:
        async for parcel in inbox:
            stamps = parcel.stamps
            await trio.lowlevel.checkpoint()
            parcel.stamps = stamps + 1
            await outbox.send(parcel)


async def main() -> None:
    first, to_stamp = trio.open_memory_channel(3)
    stamped, second = trio.open_memory_channel(0)
    twice_stamped, third = trio.open_memory_channel(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stamp, to_stamp, stamped)
        nursery.start_soon(stamp, second, twice_stamped)
        for _ in range(3):
            first.send_nowait(raceway.watch(Parcel(), name="parcel"))
        await first.aclose()
        print([parcel.stamps async for parcel in third])


trio.run(main)
