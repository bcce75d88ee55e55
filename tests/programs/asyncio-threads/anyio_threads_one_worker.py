# title: two anyio.to_thread calls that happen to use the same worker thread
# expect: data-race stats.n
# lines: 24,24
# severity: critical
# requires: anyio
# why: which worker a call gets is chance; nothing orders the two calls.
import asyncio

import anyio
import anyio.to_thread

import raceway


class Stats:
    def __init__(self) -> None:
        self.n = 0


stats = raceway.watch(Stats(), name="stats")


def work() -> None:
    stats.n += 1


async def call(before: "list[int]", number: int) -> None:
    while len(before) < number:
        await asyncio.sleep(0)
    await anyio.to_thread.run_sync(work)
    before.append(number)


async def main() -> None:
    before: list[int] = []
    await asyncio.gather(call(before, 0), call(before, 1))


asyncio.run(main())
print("worked")
