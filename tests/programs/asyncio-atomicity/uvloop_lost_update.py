# title: under uvloop two tasks update one object across an await
# expect: atomicity-violation stats.n
# lines: 23,25
# severity: critical
# requires: uvloop
# why: uvloop's tasks take turns like those of any loop.
import asyncio

import uvloop

import raceway


class Stats:
    def __init__(self) -> None:
        self.n = 0


stats = raceway.watch(Stats(), name="stats")


async def bump() -> None:
    n = stats.n
    await asyncio.sleep(0)
    stats.n = n + 1


async def main() -> None:
    await asyncio.gather(bump(), bump())


loop = uvloop.new_event_loop()
loop.run_until_complete(main())
loop.close()
print("bumped")
