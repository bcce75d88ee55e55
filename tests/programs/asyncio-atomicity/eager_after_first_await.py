# title: an eager task goes on after its first await
# expect: atomicity-violation registry.clients
# lines: 22,24 | 30,32
# severity: critical
# min-python: 3.12
# why: only the first step is run at once; the rest is as concurrent as any task.
import asyncio

import raceway


class Registry:
    def __init__(self) -> None:
        self.clients = 0


registry = raceway.watch(Registry(), name="registry")


async def serve() -> None:
    await asyncio.sleep(0)
    clients = registry.clients
    await asyncio.sleep(0)
    registry.clients = clients + 1


async def main() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    task = asyncio.create_task(serve())
    clients = registry.clients
    await asyncio.sleep(0)
    registry.clients = clients + 1
    await task


asyncio.run(main())
print("served")
