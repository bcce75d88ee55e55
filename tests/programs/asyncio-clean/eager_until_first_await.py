# title: the first step of an eager task is part of the call that makes it
# expect: clean
# needs: JOIN
# min-python: 3.12
# why: what the task does before its first switch has happened when create_task() returns.
import asyncio

import raceway


class Registry:
    def __init__(self) -> None:
        self.clients = 0


registry = raceway.watch(Registry(), name="registry")


async def serve(stop: asyncio.Event) -> None:
    registry.clients += 1
    await stop.wait()


async def main() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    stop = asyncio.Event()
    task = asyncio.create_task(serve(stop))
    clients = registry.clients
    await asyncio.sleep(0)
    registry.clients = clients + 1
    stop.set()
    await task
    print(registry.clients)


asyncio.run(main())
