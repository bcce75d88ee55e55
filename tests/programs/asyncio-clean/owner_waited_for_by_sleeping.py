# title: who wants a room sleeps until nobody owns it, and enters the own name at once
# expect: clean
# why: the last look at the owner and the new name are in one turn.
import asyncio

import raceway


class Room:
    def __init__(self) -> None:
        self.owner: str | None = None
        self.guests = 0


room = raceway.watch(Room(), name="room")


async def host(name: str, start: float) -> None:
    await asyncio.sleep(start)
    while room.owner is not None:
        await asyncio.sleep(0.001)
    room.owner = name
    guests = room.guests
    await asyncio.sleep(0.002)
    room.guests = guests + 1
    room.owner = None


async def main() -> None:
    await asyncio.gather(host("ann", 0), host("bob", 0), host("cid", 0.03))
    print(room.guests)


asyncio.run(main())
