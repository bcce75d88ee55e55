# title: who sets the loading flag starts a task, and that resets it
# expect: clean
# why: the flag is set as long as the task works; no second one is started meanwhile.
import asyncio

import raceway


class Cache:
    def __init__(self) -> None:
        self.loading = False
        self.loads = 0


cache = raceway.watch(Cache(), name="cache")


async def load() -> None:
    loads = cache.loads
    await asyncio.sleep(0.002)
    cache.loads = loads + 1
    cache.loading = False


async def request(start: float, tasks: "list[asyncio.Task[None]]") -> None:
    await asyncio.sleep(start)
    if not cache.loading:
        cache.loading = True
        tasks.append(asyncio.create_task(load()))


async def main() -> None:
    tasks: list[asyncio.Task[None]] = []
    await asyncio.gather(*(request(start, tasks) for start in (0, 0, 0.03)))
    await asyncio.gather(*tasks)
    print(cache.loads >= 1)


asyncio.run(main())
