# title: a worker says task_done() before it has booked the item
# expect: atomicity-violation total.cents
# lines: 22,24 | 32,34
# severity: critical
# why: join() waits for task_done(), not for what the worker does afterwards.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.cents = 0


total = raceway.watch(Total(), name="total")


async def worker(queue: "asyncio.Queue[int]") -> None:
    amount = await queue.get()
    queue.task_done()
    cents = total.cents
    await asyncio.sleep(0)
    total.cents = cents + amount


async def main() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    task = asyncio.create_task(worker(queue))
    await queue.put(5)
    await queue.join()
    cents = total.cents
    await asyncio.sleep(0)
    total.cents = cents + 1
    await task


asyncio.run(main())
print("closed")
