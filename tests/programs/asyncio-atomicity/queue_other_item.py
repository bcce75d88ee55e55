# title: the packer takes the first order, and touches the second one
# expect: atomicity-violation second.state
# lines: 22,24 | 30,32
# severity: critical
# why: the get of one item says nothing about an item that is put later.
import asyncio

import raceway


class Order:
    def __init__(self) -> None:
        self.state = 0


first = raceway.watch(Order(), name="first")
second = raceway.watch(Order(), name="second")


async def accept(queue: "asyncio.Queue[Order]") -> None:
    queue.put_nowait(first)
    state = second.state
    await asyncio.sleep(0)
    second.state = state + 1
    queue.put_nowait(second)


async def pack(queue: "asyncio.Queue[Order]") -> None:
    await queue.get()
    state = second.state
    await asyncio.sleep(0)
    second.state = state + 1
    await queue.get()


async def main() -> None:
    queue: asyncio.Queue[Order] = asyncio.Queue()
    await asyncio.gather(pack(queue), accept(queue))


asyncio.run(main())
print("packed")
