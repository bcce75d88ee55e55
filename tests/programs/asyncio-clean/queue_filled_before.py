# title: a total is read, then an item awaited that was put there before
# expect: clean
# why: the item is in the queue before the only reader begins, so that get() never waits.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.cents = 0


total = raceway.watch(Total(), name="total")


async def fee() -> None:
    total.cents += 1


async def book(queue: "asyncio.Queue[int]") -> None:
    cents = total.cents
    amount = await queue.get()
    total.cents = cents + amount


async def main() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(5)
    await asyncio.gather(book(queue), fee())
    print(total.cents)


asyncio.run(main())
