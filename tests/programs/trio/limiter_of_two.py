# title: jobs that share a limiter of two tokens
# expect: data-race counter.value
# lines: 21
# severity: critical
# requires: trio
# why: two of them run at a time.
import trio

import raceway


class Counter:
    def __init__(self) -> None:
        self.value = 0


counter = raceway.watch(Counter(), name="counter")


def count() -> None:
    counter.value += 1


async def ask(limiter: trio.CapacityLimiter) -> None:
    await trio.to_thread.run_sync(count, limiter=limiter)


async def main() -> None:
    limiter = trio.CapacityLimiter(2)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask, limiter)
    print("counted")


trio.run(main)
