# title: a lock is held while a job is submitted, and released before the job is awaited
# expect: data-race journal.entries
# lines: 20,20
# severity: critical
# why: the job may run on after the lock was released; that it had done its work is luck.
import asyncio

import raceway


class Journal:
    def __init__(self) -> None:
        self.entries = 0


journal = raceway.watch(Journal(), name="journal")


def write(written: "list[bool]") -> None:
    journal.entries += 1
    written.append(True)


async def append(lock: asyncio.Lock) -> None:
    written: list[bool] = []
    async with lock:
        job = asyncio.get_running_loop().run_in_executor(None, write, written)
        while not written:
            await asyncio.sleep(0)
    await job


async def main() -> None:
    lock = asyncio.Lock()
    await asyncio.gather(append(lock), append(lock))


asyncio.run(main())
print("written")
