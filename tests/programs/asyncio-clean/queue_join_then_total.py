# title: a total is closed after join(), when all workers have said task_done()
# expect: clean
# needs: RECEIVE
# why: task_done() of each item comes before the end of join().
import asyncio

import raceway


class Total:
    def __init__(self) -> None:
        self.cents = 0


total = raceway.watch(Total(), name="total")


async def worker(queue: "asyncio.Queue[int]", lock: asyncio.Lock) -> None:
    while True:
        amount = await queue.get()
        async with lock:
            cents = total.cents
            await asyncio.sleep(0)
            total.cents = cents + amount
        queue.task_done()


async def main() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    lock = asyncio.Lock()
    workers = [asyncio.create_task(worker(queue, lock)) for _ in range(2)]
    for amount in (1, 2, 3):
        await queue.put(amount)
    await queue.join()
    cents = total.cents
    await asyncio.sleep(0)
    total.cents = cents + 1
    print(total.cents)
    for task in workers:
        task.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


asyncio.run(main())
