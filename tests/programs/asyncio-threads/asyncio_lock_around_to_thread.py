# title: an asyncio.Lock is held while a thread does the update
# expect: clean
# needs: ACQUIRE
# why: the lock lets one coroutine at a time start and await its thread.
import asyncio

import raceway


class Journal:
    def __init__(self) -> None:
        self.entries = 0


journal = raceway.watch(Journal(), name="journal")


def write() -> None:
    journal.entries += 1


async def append(lock: asyncio.Lock) -> None:
    async with lock:
        await asyncio.to_thread(write)


async def main() -> None:
    lock = asyncio.Lock()
    await asyncio.gather(append(lock), append(lock), append(lock))
    print(journal.entries)


asyncio.run(main())
