# title: a task looks for a free slot again after every wait
# expect: clean
# why: between the look that succeeds and the booking there is no await.
import asyncio

import raceway


class Room:
    def __init__(self, seats: int) -> None:
        self.free = seats


room = raceway.watch(Room(1), name="room")


async def visit() -> None:
    while room.free == 0:
        await asyncio.sleep(0)
    room.free -= 1
    await asyncio.sleep(0)
    room.free += 1


async def main() -> None:
    await asyncio.gather(*(visit() for _ in range(3)))


asyncio.run(main())
print(room.free)
