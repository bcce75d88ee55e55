# title: two readers wait by wait_for() of an asyncio.Condition for lines that come one at a time
# expect: clean
# why: the predicate is asked again after each wait, with the lock that is held until the pop.
import asyncio

import raceway


class Feed:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def has_one(self) -> bool:
        return len(self.lines) > 0


feed = raceway.watch(Feed(), name="feed")
got = []


async def read(changed: asyncio.Condition) -> None:
    async with changed:
        await changed.wait_for(feed.has_one)
        got.append(feed.lines.pop(0))


async def write(changed: asyncio.Condition) -> None:
    for line in ("one", "two"):
        await asyncio.sleep(0)
        async with changed:
            feed.lines.append(line)
            changed.notify_all()


async def main() -> None:
    changed = asyncio.Condition()
    await asyncio.gather(read(changed), read(changed), write(changed))


asyncio.run(main())
print(got)
