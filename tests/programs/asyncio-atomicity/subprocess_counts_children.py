# title: the number of running children is read before one is started and written after
# expect: atomicity-violation children.running
# lines: 21,23
# severity: critical
# why: starting and awaiting a process lets the other task in.
import asyncio
import sys

import raceway


class Children:
    def __init__(self) -> None:
        self.running = 0


children = raceway.watch(Children(), name="children")


async def start() -> None:
    running = children.running
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-c", "")
    children.running = running + 1
    await process.wait()


async def main() -> None:
    await asyncio.gather(start(), start())


asyncio.run(main())
print("started")
