# title: a thread updates the object without waiting for its coroutine in the loop
# expect: data-race stats.n
# lines: 22,28
# severity: critical
# why: run_coroutine_threadsafe() only starts the coroutine; result() is called too late.
import asyncio
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.n = 0


stats = raceway.watch(Stats(), name="stats")
loop = asyncio.new_event_loop()


async def bump() -> None:
    stats.n += 1


t = threading.Thread(target=loop.run_forever)
t.start()
future = asyncio.run_coroutine_threadsafe(bump(), loop)
stats.n += 1
future.result()
loop.call_soon_threadsafe(loop.stop)
t.join()
loop.close()
print("bumped")
