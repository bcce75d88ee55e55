# title: under uvloop two to_thread() calls update one object
# expect: data-race stats.n
# lines: 26,26
# severity: critical
# requires: uvloop
# why: gather() runs both in worker threads; the barrier proves that there are two of them.
import asyncio
import threading

import uvloop

import raceway


class Stats:
    def __init__(self) -> None:
        self.n = 0


stats = raceway.watch(Stats(), name="stats")
both_running = threading.Barrier(2)


def work() -> None:
    both_running.wait()
    stats.n += 1


async def main() -> None:
    await asyncio.gather(asyncio.to_thread(work), asyncio.to_thread(work))


loop = uvloop.new_event_loop()
loop.run_until_complete(main())
loop.close()
print("worked")
