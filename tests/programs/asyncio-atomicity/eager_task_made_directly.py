# title: tasks that are made eager without any factory, by asyncio.Task
# expect: atomicity-violation registry.clients
# lines: 21,23
# severity: critical
# min-python: 3.12
# why: each reads in its first step, which runs inside the call, and writes in a later one.
import asyncio

import raceway


class Registry:
    def __init__(self) -> None:
        self.clients = 0


registry = raceway.watch(Registry(), name="registry")


async def serve() -> None:
    clients = registry.clients
    await asyncio.sleep(0)
    registry.clients = clients + 1


async def main() -> None:
    loop = asyncio.get_running_loop()
    tasks = [asyncio.Task(serve(), loop=loop, eager_start=True) for _ in range(2)]
    await asyncio.wait(tasks)


asyncio.run(main())
print("served")
