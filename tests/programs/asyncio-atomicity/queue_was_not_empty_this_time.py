# title: a total is read, then an item awaited that happens to be there
# expect: atomicity-violation total.cents
# lines: 28,30,24
# severity: critical
# why: the producer is not ordered before the reader, who may have to wait for the item.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.cents = 0


total = raceway.watch(Total(), name="total")


async def produce(queue: "asyncio.Queue[int]") -> None:
    queue.put_nowait(5)


async def fee() -> None:
    total.cents += 1


async def book(queue: "asyncio.Queue[int]") -> None:
    cents = total.cents
    amount = await queue.get()
    total.cents = cents + amount


async def main() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    await asyncio.gather(produce(queue), book(queue), fee())


asyncio.run(main())
print("booked")
