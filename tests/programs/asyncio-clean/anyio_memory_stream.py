# title: orders are handed over through a memory object stream of anyio
# expect: clean
# needs: RECEIVE
# requires: anyio
# why: receive() of an item comes after its send(), also if it lay in the buffer meanwhile.
import asyncio

import anyio
import anyio.lowlevel

import raceway


class Order:
    def __init__(self) -> None:
        self.state = 0


order = raceway.watch(Order(), name="order")


async def main() -> None:
    send, receive = anyio.create_memory_object_stream(10)

    async def accept() -> None:
        state = order.state
        await anyio.lowlevel.checkpoint()
        order.state = state + 1
        async with send:
            await send.send(order)

    async def pack() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        async with receive:
            got = await receive.receive()
            state = got.state
            await anyio.lowlevel.checkpoint()
            got.state = state + 1

    async with anyio.create_task_group() as group:
        group.start_soon(accept)
        group.start_soon(pack)
    print(order.state)


anyio.run(main)
