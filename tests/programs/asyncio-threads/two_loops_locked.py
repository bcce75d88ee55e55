# title: two event loops in two threads share an object under a threading.Lock
# expect: clean
# why: the lock excludes the threads, and no task awaits while holding it.
import asyncio
import threading

import raceway


class Quota:
    def __init__(self) -> None:
        self.used = 0


quota = raceway.watch(Quota(), name="quota")
lock = threading.Lock()


async def spend() -> None:
    for _ in range(3):
        with lock:
            quota.used += 1
        await asyncio.sleep(0)


def run_loop() -> None:
    asyncio.run(spend())


threads = [threading.Thread(target=run_loop) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(quota.used)
