# title: a coroutine that raises for a full room is awaited before the seat is taken
# expect: atomicity-violation room.taken
# lines: 21,28
# why: the room may fill up while the guard's caller is suspended.
import asyncio

import raceway


class Room:
    SEATS = 5

    def __init__(self) -> None:
        self.taken = 0


room = raceway.watch(Room(), name="room")


async def require_seat() -> None:
    if room.taken >= room.SEATS:
        raise RuntimeError("full")
    await asyncio.sleep(0)


async def enter() -> None:
    await require_seat()
    room.taken += 1


async def main() -> None:
    await asyncio.gather(enter(), enter())


asyncio.run(main())
print("entered")
