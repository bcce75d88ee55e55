# title: the packer receives the first order, and touches the second one
# expect: atomicity-violation second.state
# lines: 23,25 | 31,33
# severity: critical
# requires: trio
# why: the receipt of one item says nothing about an item that is sent later.
import trio

import raceway


class Order:
    def __init__(self) -> None:
        self.state = 0


first = raceway.watch(Order(), name="first")
second = raceway.watch(Order(), name="second")


async def accept(orders: trio.MemorySendChannel) -> None:
    await orders.send(first)
    state = second.state
    await trio.lowlevel.checkpoint()
    second.state = state + 1
    await orders.send(second)


async def pack(orders: trio.MemoryReceiveChannel) -> None:
    await orders.receive()
    state = second.state
    await trio.lowlevel.checkpoint()
    second.state = state + 1
    await orders.receive()


async def main() -> None:
    send, receive = trio.open_memory_channel(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accept, send)
        nursery.start_soon(pack, receive)


trio.run(main)
print("packed")
