# title: two loops in two threads, each with an asyncio.Lock of its own
# expect: data-race quota.used
# lines: 25,25
# severity: critical
# why: an asyncio.Lock belongs to one loop and keeps no other thread out.
import asyncio
import threading

import raceway


class Quota:
    def __init__(self) -> None:
        self.used = 0


quota = raceway.watch(Quota(), name="quota")
both_running = threading.Barrier(2)


async def spend() -> None:
    lock = asyncio.Lock()
    both_running.wait()
    async with lock:
        quota.used += 1


threads = [threading.Thread(target=lambda: asyncio.run(spend())) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("spent")
