# title: under uvloop a thread announces its result with call_soon_threadsafe()
# expect: clean
# needs: RECEIVE, JOIN
# requires: uvloop
# why: the write comes before the call, the call before set(), set() before the end of wait().
import asyncio
import threading

import uvloop

import raceway


class Job:
    def __init__(self) -> None:
        self.result = 0


job = raceway.watch(Job(), name="job")


def work(loop: asyncio.AbstractEventLoop, finished: asyncio.Event) -> None:
    job.result = 42
    loop.call_soon_threadsafe(finished.set)


async def main() -> None:
    finished = asyncio.Event()
    t = threading.Thread(target=work, args=(asyncio.get_running_loop(), finished))
    t.start()
    await finished.wait()
    job.result += 1
    print(job.result)
    t.join()


loop = uvloop.new_event_loop()
loop.run_until_complete(main())
loop.close()
