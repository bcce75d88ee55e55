# title: a limiter is asked before an await and counted after it
# expect: atomicity-violation limiter.used
# lines: 17,20
# why: requests that are checked while others are on their way exceed the limit.
import asyncio

import raceway


class Limiter:
    LIMIT = 5

    def __init__(self) -> None:
        self.used = 3

    def exhausted(self) -> bool:
        return self.used >= self.LIMIT

    def count(self) -> None:
        self.used += 1


limiter = raceway.watch(Limiter(), name="limiter")


async def upstream() -> None:
    await asyncio.sleep(0)


async def call() -> bool:
    if limiter.exhausted():
        return False
    await upstream()
    limiter.count()
    return True


async def main() -> None:
    await asyncio.gather(call(), call())


asyncio.run(main())
print("called")
