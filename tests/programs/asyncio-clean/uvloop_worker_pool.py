# title: under uvloop workers take jobs from a queue, and the total is closed after join()
# expect: clean
# needs: RECEIVE
# requires: uvloop
# why: the lock is held over the await, and join() comes after every task_done().
import asyncio

import uvloop

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


asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
