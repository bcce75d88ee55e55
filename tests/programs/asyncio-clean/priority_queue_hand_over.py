# title: orders go through a priority queue, and each has one owner at a time
# expect: clean
# needs: RECEIVE
# why: the get of an order comes after its put, in whatever order they are taken.
import asyncio

import raceway


class Order:
    def __init__(self, number: int) -> None:
        self.number = number
        self.state = 0


orders = [raceway.watch(Order(n), name="order") for n in range(3)]


async def accept(queue: "asyncio.PriorityQueue[tuple[int, int]]") -> None:
    for order in orders:
        state = order.state
        await asyncio.sleep(0)
        order.state = state + 1
        queue.put_nowait((-order.number, order.number))


async def pack(queue: "asyncio.PriorityQueue[tuple[int, int]]") -> None:
    for _ in orders:
        _, number = await queue.get()
        state = orders[number].state
        await asyncio.sleep(0)
        orders[number].state = state + 1


async def main() -> None:
    queue: asyncio.PriorityQueue[tuple[int, int]] = asyncio.PriorityQueue()
    await asyncio.gather(accept(queue), pack(queue))
    print([order.state for order in orders])


asyncio.run(main())
