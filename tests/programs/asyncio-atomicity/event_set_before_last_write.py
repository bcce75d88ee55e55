# title: an event announces a cache that is still being counted
# expect: atomicity-violation cache.entries
# lines: 21,23 | 28,30
# severity: critical
# why: set() orders only what comes before it.
import asyncio

import raceway


class Cache:
    def __init__(self) -> None:
        self.entries = 0


cache = raceway.watch(Cache(), name="cache")


async def warm_up(ready: asyncio.Event) -> None:
    ready.set()
    entries = cache.entries
    await asyncio.sleep(0)
    cache.entries = entries + 100


async def serve(ready: asyncio.Event) -> None:
    await ready.wait()
    entries = cache.entries
    await asyncio.sleep(0)
    cache.entries = entries + 1


async def main() -> None:
    ready = asyncio.Event()
    await asyncio.gather(serve(ready), warm_up(ready))


asyncio.run(main())
print("served")
