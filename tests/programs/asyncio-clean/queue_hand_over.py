# title: an object moves from task to task through asyncio queues
# expect: clean
# why: only the task that got the object from the queue uses it, also across its awaits.
import asyncio

import raceway


class Parcel:
    def __init__(self) -> None:
        self.stamps = 0


async def stamp(inbox: asyncio.Queue, outbox: asyncio.Queue) -> None:
    for _ in range(2):
        parcel = await inbox.get()
        stamps = parcel.stamps
        await asyncio.sleep(0)
        parcel.stamps = stamps + 1
        await outbox.put(parcel)


async def main() -> None:
    first, second, third = (asyncio.Queue() for _ in range(3))
    tasks = [asyncio.create_task(stamp(*pair)) for pair in ((first, second), (second, third))]
    for _ in range(2):
        first.put_nowait(raceway.watch(Parcel(), name="parcel"))
    parcels = [await third.get() for _ in range(2)]
    await asyncio.gather(*tasks)
    print([parcel.stamps for parcel in parcels])


asyncio.run(main())
