# title: workers pop a job first and await afterwards
# expect: clean
# why: the test and the pop are not separated by an await.
import asyncio
from collections import deque

import raceway

jobs = raceway.watch(deque(range(5)), name="jobs")
done = []


async def handle(job: int) -> None:
    await asyncio.sleep(0)
    done.append(job)


async def worker() -> None:
    while jobs:
        job = jobs.popleft()
        await handle(job)


async def main() -> None:
    await asyncio.gather(worker(), worker())


asyncio.run(main())
print(sorted(done))
