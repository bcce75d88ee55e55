# title: a coroutine goes on with the log while its executor job writes to it
# expect: data-race journal.entries
# lines: 23,28
# severity: critical
# why: the job is awaited after the coroutine's own update, not before.
import asyncio
import threading

import raceway


class Journal:
    def __init__(self) -> None:
        self.entries = 0


journal = raceway.watch(Journal(), name="journal")
started = threading.Event()


def write() -> None:
    started.set()
    journal.entries += 1


async def main() -> None:
    job = asyncio.get_running_loop().run_in_executor(None, write)
    journal.entries += 1
    await job


asyncio.run(main())
print("written")
