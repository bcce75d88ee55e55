# title: a task counts before and after a job that counts
# expect: clean
# needs: JOIN
# requires: trio
# why: the call comes before the job, and the job before who has awaited it.
import trio

import raceway


class Counter:
    def __init__(self) -> None:
        self.value = 0


counter = raceway.watch(Counter(), name="counter")


def count() -> None:
    counter.value += 1


async def main() -> None:
    counter.value += 1
    await trio.to_thread.run_sync(count)
    counter.value += 1
    print(counter.value)


trio.run(main)
