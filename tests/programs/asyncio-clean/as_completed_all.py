# title: as_completed() is followed to its end before the summary is changed
# expect: clean
# needs: RECEIVE, JOIN
# why: each step of as_completed() knows the end of one more task.
import asyncio

import raceway


class Summary:
    def __init__(self) -> None:
        self.hits = 0


summary = raceway.watch(Summary(), name="summary")


async def search(lock: asyncio.Lock, hits: int) -> None:
    async with lock:
        before = summary.hits
        await asyncio.sleep(0)
        summary.hits = before + hits


async def main() -> None:
    lock = asyncio.Lock()
    for done in asyncio.as_completed([search(lock, 1), search(lock, 2), search(lock, 3)]):
        await done
    before = summary.hits
    await asyncio.sleep(0)
    summary.hits = before + 1
    print(summary.hits)


asyncio.run(main())
