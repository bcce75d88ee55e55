# title: jobs in worker threads count under a lock, and the task reads when it has awaited them
# expect: clean
# needs: ACQUIRE
# requires: trio
# why: the lock excludes the jobs; who awaits a job comes after it.
import threading

import trio

import raceway


class Counter:
    def __init__(self) -> None:
        self.value = 0


counter = raceway.watch(Counter(), name="counter")
lock = threading.Lock()


def count() -> None:
    with lock:
        counter.value += 1


async def main() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, count)
        nursery.start_soon(trio.to_thread.run_sync, count)
    counter.value += 1
    await trio.to_thread.run_sync(count)
    print(counter.value)


trio.run(main)
