# title: an order is changed after it was sent through a memory object stream
# expect: atomicity-violation order.state
# lines: 26,28 | 32,34
# severity: critical
# requires: anyio
# why: only what comes before send() comes before receive().
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
        send.send_nowait(order)
        state = order.state
        await anyio.lowlevel.checkpoint()
        order.state = state + 1

    async def pack() -> None:
        got = await receive.receive()
        state = got.state
        await anyio.lowlevel.checkpoint()
        got.state = state + 1

    async with send, receive, anyio.create_task_group() as group:
        group.start_soon(pack)
        group.start_soon(accept)


anyio.run(main)
print("packed")
