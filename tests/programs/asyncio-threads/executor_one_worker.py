# title: all jobs of the loop run in an executor with a single worker
# expect: clean
# why: the worker runs the jobs in turn; the coroutine touches the log after awaiting them.
import asyncio
from concurrent.futures import ThreadPoolExecutor

import raceway


class Journal:
    def __init__(self) -> None:
        self.entries = 0


journal = raceway.watch(Journal(), name="journal")


def write(count: int) -> None:
    journal.entries += count


async def main() -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=1) as pool:
        await asyncio.gather(*(loop.run_in_executor(pool, write, n) for n in (1, 2, 3)))
        journal.entries += 1
    print(journal.entries)


asyncio.run(main())
