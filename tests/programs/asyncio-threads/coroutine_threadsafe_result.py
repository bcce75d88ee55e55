# title: threads send their updates to the loop and wait for the result
# expect: clean
# why: only the loop thread updates; result() orders the update before the thread that asked.
import asyncio
import threading

import raceway


class Stats:
    def __init__(self) -> None:
        self.n = 0


stats = raceway.watch(Stats(), name="stats")
loop = asyncio.new_event_loop()


async def bump() -> int:
    stats.n += 1
    return stats.n


def client() -> None:
    asyncio.run_coroutine_threadsafe(bump(), loop).result()


runner = threading.Thread(target=loop.run_forever)
runner.start()
threads = [threading.Thread(target=client) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(stats.n)
loop.call_soon_threadsafe(loop.stop)
runner.join()
loop.close()
