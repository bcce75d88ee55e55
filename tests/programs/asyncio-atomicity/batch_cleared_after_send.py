# title: a batching writer sends its rows and clears them afterwards
# expect: atomicity-violation rows
# lines: 20,21 | 19,21
# why: rows that came while the batch was sent are cleared without having been sent.
import asyncio

import raceway

rows = raceway.watch([], name="rows")
sent = []


async def send(batch: "list[int]") -> None:
    await asyncio.sleep(0)
    sent.extend(batch)


async def flush() -> None:
    if rows:
        await send(list(rows))
        rows.clear()


async def produce() -> None:
    for n in range(3):
        rows.append(n)
        await asyncio.sleep(0)


async def main() -> None:
    rows.append(100)
    await asyncio.gather(produce(), flush())


asyncio.run(main())
print("sent")
