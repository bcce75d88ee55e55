# title: shutdown that cancels the writer and does not wait for its last flush
# expect: atomicity-violation buffer.rows
# lines: 24,26 | 33,35
# severity: critical
# why: cancel() only asks; the finally block runs at the next switches.
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
    rows = buffer.rows
    await asyncio.sleep(0)
    buffer.rows = rows + 1
    await asyncio.wait({task})
    print("stopped")


asyncio.run(main())
