# title: an event announces a cache that is still being counted
# expect: atomicity-violation cache.entries
# lines: 22,24 | 29,31
# severity: critical
# requires: trio
# why: set() orders only what comes before it.
import trio

import raceway


class Cache:
    def __init__(self) -> None:
        self.entries = 0


cache = raceway.watch(Cache(), name="cache")


async def warm_up(ready: trio.Event) -> None:
    ready.set()
    entries = cache.entries
    await trio.lowlevel.checkpoint()
    cache.entries = entries + 100


async def serve(ready: trio.Event) -> None:
    await ready.wait()
    entries = cache.entries
    await trio.lowlevel.checkpoint()
    cache.entries = entries + 1


async def main() -> None:
    ready = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, ready)
        nursery.start_soon(warm_up, ready)


trio.run(main)
print("served")
