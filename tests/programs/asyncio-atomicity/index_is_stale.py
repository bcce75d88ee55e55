# title: the index of a job is looked up before an await and used after it
# expect: atomicity-violation jobs | jobs[*]
# lines: 17,19
# why: the job may have moved when the index is used.
import asyncio

import raceway

jobs = raceway.watch(["a", "b", "c", "d"], name="jobs")


async def confirm(job: str) -> None:
    await asyncio.sleep(0)


async def cancel(job: str) -> None:
    position = jobs.index(job)
    await confirm(job)
    jobs.pop(position)


async def main() -> None:
    await asyncio.gather(cancel("a"), cancel("b"))


asyncio.run(main())
print(len(jobs))
