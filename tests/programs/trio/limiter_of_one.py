# title: jobs that share a limiter of one token
# expect: clean
# needs: ACQUIRE
# requires: trio
# why: a job has the token from before its begin until after its end.
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
    limiter = trio.CapacityLimiter(1)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask, limiter)
    print(counter.value)


trio.run(main)
