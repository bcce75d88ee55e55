# title: one task trims a backlog that others extend, after it has reported
# expect: clean
# why: only one task takes out, and the backlog can only have become longer.
import asyncio

import raceway

backlog = raceway.watch(list("abcde"), name="backlog")
reports = []


async def report(size: int) -> None:
    reports.append(size)
    await asyncio.sleep(0)


async def trim(limit: int) -> None:
    while len(backlog) > limit:
        await report(limit)
        backlog.pop(0)


async def write(*lines: str) -> None:
    for line in lines:
        backlog.append(line)
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(trim(2), write("f", "g"))
    print(len(backlog) >= 2)


asyncio.run(main())
