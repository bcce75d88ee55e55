# title: two jobs in worker threads count
# expect: data-race counter.value
# lines: 21
# severity: critical
# requires: trio
# why: each job has a thread, and nothing excludes them.
import trio

import raceway


class Counter:
    def __init__(self) -> None:
        self.value = 0


counter = raceway.watch(Counter(), name="counter")


def count() -> None:
    counter.value += 1


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, count)
        nursery.start_soon(trio.to_thread.run_sync, count)


trio.run(main)
print("counted")
