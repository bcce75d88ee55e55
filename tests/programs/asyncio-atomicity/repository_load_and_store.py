# title: a repository awaits in its getter and its setter, the service adds in between
# expect: atomicity-violation rows['points']
# lines: 16,22
# severity: critical
# why: the value that the service adds to is as old as two awaits.
import asyncio

import raceway


class Repository:
    def __init__(self) -> None:
        self.rows = raceway.watch({"points": 10}, name="rows")

    async def load(self, key: str) -> int:
        value = self.rows[key]
        await asyncio.sleep(0)
        return value

    async def store(self, key: str, value: int) -> None:
        await asyncio.sleep(0)
        self.rows[key] = value


async def award(repository: Repository, points: int) -> None:
    current = await repository.load("points")
    await repository.store("points", current + points)


async def main() -> None:
    repository = Repository()
    async with asyncio.timeout(5) if hasattr(asyncio, "timeout") else asyncio.Lock():
        await asyncio.gather(*(award(repository, n) for n in (1, 2)))


asyncio.run(main())
print("awarded")
