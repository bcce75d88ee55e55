# title: the queue is shut down, and the worker has emptied it before the total is closed
# expect: clean
# needs: RECEIVE, JOIN
# min-python: 3.13
# why: the worker ends with QueueShutDown, and it is awaited.
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.cents = 0


total = raceway.watch(Total(), name="total")


async def worker(queue: "asyncio.Queue[int]") -> None:
    try:
        while True:
            amount = await queue.get()
            cents = total.cents
            await asyncio.sleep(0)
            total.cents = cents + amount
    except asyncio.QueueShutDown:
        pass


async def main() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    task = asyncio.create_task(worker(queue))
    for amount in (1, 2, 3):
        await queue.put(amount)
    queue.shutdown()
    await task
    cents = total.cents
    await asyncio.sleep(0)
    total.cents = cents + 1
    print(total.cents)


asyncio.run(main())
