# title: every call creates the lock that it takes
# expect: atomicity-violation score.points
# lines: 21,23
# severity: critical
# why: two calls hold two different locks, so nothing excludes the other task.
import asyncio

import raceway


class Score:
    def __init__(self) -> None:
        self.points = 0


score = raceway.watch(Score(), name="score")


async def award(points: int) -> None:
    async with asyncio.Lock():
        current = score.points
        await asyncio.sleep(0)
        score.points = current + points


async def main() -> None:
    await asyncio.gather(award(5), award(7))


asyncio.run(main())
print("awarded")
