# title: two to_thread() calls update one object under a threading.Lock
# expect: clean
# why: the lock excludes the worker threads; gather() orders them before the coroutine.
import asyncio
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.n = 0


stats = raceway.watch(Stats(), name="stats")
both_running = threading.Barrier(2)
lock = threading.Lock()


def work() -> None:
    both_running.wait()
    with lock:
        stats.n += 1


async def main() -> None:
    await asyncio.gather(asyncio.to_thread(work), asyncio.to_thread(work))
    stats.n += 1
    print(stats.n)


asyncio.run(main())
