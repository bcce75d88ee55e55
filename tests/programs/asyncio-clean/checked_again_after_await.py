# title: the seat is checked again after the await, before it is booked
# expect: clean
# why: nothing can run between the second check and the assignment.
import asyncio

import raceway


class Seat:
    def __init__(self) -> None:
        self.owner = ""


seat = raceway.watch(Seat(), name="seat")
tickets = []


async def book(name: str) -> None:
    if seat.owner:
        return
    await asyncio.sleep(0)
    if not seat.owner:
        seat.owner = name
        tickets.append(name)


async def main() -> None:
    await asyncio.gather(book("alice"), book("bob"))


asyncio.run(main())
print(len(tickets))
