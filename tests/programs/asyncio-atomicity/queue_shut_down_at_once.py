# title: shutdown(immediate=True) ends join(), but not the worker
# expect: atomicity-violation total.cents
# lines: 22,25 | 34,36
# severity: critical
# min-python: 3.13
# why: the items are counted as done without having been; the worker is in the middle of one.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.cents = 0


total = raceway.watch(Total(), name="total")


async def worker(queue: "asyncio.Queue[int]") -> None:
    amount = await queue.get()
    cents = total.cents
    for _ in range(5):
        await asyncio.sleep(0)
    total.cents = cents + amount


async def main() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    task = asyncio.create_task(worker(queue))
    queue.put_nowait(5)
    await asyncio.sleep(0)
    queue.shutdown(immediate=True)
    cents = total.cents
    await asyncio.sleep(0)
    total.cents = cents + 1
    await task


asyncio.run(main())
print("closed")
