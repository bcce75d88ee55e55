# title: two queue workers add to a total that they read before an await
# expect: atomicity-violation totals.sum
# lines: 22,24
# severity: critical
# why: the queue orders items, not the workers among themselves.
import asyncio

import raceway


class Totals:
    def __init__(self) -> None:
        self.sum = 0


totals = raceway.watch(Totals(), name="totals")


async def worker(numbers: asyncio.Queue) -> None:
    while True:
        number = await numbers.get()
        before = totals.sum
        await asyncio.sleep(0)
        totals.sum = before + number
        numbers.task_done()


async def main() -> None:
    numbers: asyncio.Queue = asyncio.Queue()
    tasks = [asyncio.create_task(worker(numbers)) for _ in range(2)]
    for n in range(4):
        numbers.put_nowait(n)
    await numbers.join()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


asyncio.run(main())
print("worked")
