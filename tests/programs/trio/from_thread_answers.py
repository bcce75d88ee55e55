# title: a job asks its task to count, with run and with run_sync
# expect: clean
# needs: HANDOFF
# requires: trio
# why: the call comes before what it runs, and that before its return.
import trio

import raceway


class Counter:
    def __init__(self) -> None:
        self.value = 0


counter = raceway.watch(Counter(), name="counter")


async def count_slowly() -> None:
    value = counter.value
    await trio.lowlevel.checkpoint()
    counter.value = value + 1


def count() -> int:
    counter.value += 1
    return counter.value


def work() -> None:
    counter.value += 1
    trio.from_thread.run(count_slowly)
    counter.value += 1
    trio.from_thread.run_sync(count)
    counter.value += 1


async def main() -> None:
    await trio.to_thread.run_sync(work)
    print(counter.value)


trio.run(main)
