# title: the first answer of as_completed() is taken, and the others are still coming
# expect: atomicity-violation summary.hits
# lines: 22,24 | 32,34
# severity: critical
# why: only one of the searches has been awaited when the summary is changed.
import asyncio

import raceway


class Summary:
    def __init__(self) -> None:
        self.hits = 0


summary = raceway.watch(Summary(), name="summary")


async def search(steps: int) -> None:
    for _ in range(steps):
        await asyncio.sleep(0)
    before = summary.hits
    await asyncio.sleep(0)
    summary.hits = before + steps


async def main() -> None:
    tasks = [asyncio.create_task(search(steps)) for steps in (0, 20)]
    for done in asyncio.as_completed(tasks):
        await done
        break
    before = summary.hits
    await asyncio.sleep(0)
    summary.hits = before + 1
    await asyncio.wait(tasks)
    print("found")


asyncio.run(main())
