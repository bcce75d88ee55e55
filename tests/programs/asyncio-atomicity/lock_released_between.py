# title: the lock is released between the check and the booking
# expect: atomicity-violation room.free
# lines: 22,26
# severity: critical
# why: each half is locked, and another task books between the two.
import asyncio

import raceway


class Room:
    def __init__(self) -> None:
        self.free = 1


room = raceway.watch(Room(), name="room")


async def book(lock: asyncio.Lock) -> None:
    async with lock:
        await asyncio.sleep(0)
        free = room.free
    if free > 0:
        async with lock:
            await asyncio.sleep(0)
            room.free = free - 1


async def main() -> None:
    lock = asyncio.Lock()
    await asyncio.gather(book(lock), book(lock))


asyncio.run(main())
print("booked")
