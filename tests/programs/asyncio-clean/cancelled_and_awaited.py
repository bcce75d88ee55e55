# title: graceful shutdown: the writer is cancelled, and its last flush is awaited
# expect: clean
# needs: JOIN, RECEIVE
# why: awaiting a cancelled task waits for its finally block.
import asyncio

import raceway


class Buffer:
    def __init__(self) -> None:
        self.rows = 0


buffer = raceway.watch(Buffer(), name="buffer")


async def writer() -> None:
    try:
        while True:
            await asyncio.sleep(3600)
    finally:
        rows = buffer.rows
        await asyncio.sleep(0)
        buffer.rows = rows + 1


async def main() -> None:
    task = asyncio.create_task(writer())
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    rows = buffer.rows
    await asyncio.sleep(0)
    buffer.rows = rows + 1
    print(buffer.rows)


asyncio.run(main())
