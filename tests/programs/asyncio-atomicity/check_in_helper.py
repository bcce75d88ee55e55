# title: one coroutine checks the seat, another one books it
# expect: atomicity-violation seat.owner
# lines: 20,27
# why: the answer of the first helper is stale when the second one acts on it.
import asyncio

import raceway


class Seat:
    def __init__(self) -> None:
        self.owner = ""


seat = raceway.watch(Seat(), name="seat")
tickets = []


async def is_free() -> bool:
    free = not seat.owner
    await asyncio.sleep(0)
    return free


async def book(name: str) -> None:
    if await is_free():
        seat.owner = name
        tickets.append(name)


async def main() -> None:
    await asyncio.gather(book("alice"), book("bob"))


asyncio.run(main())
print(sorted(tickets))
