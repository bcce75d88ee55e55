# title: a rate limiter checks its tokens, sleeps, and takes one
# expect: atomicity-violation limiter.tokens
# lines: 16,19
# severity: critical
# why: all who wait have seen the same last token.
import asyncio

import raceway


class Limiter:
    def __init__(self) -> None:
        self.tokens = 1

    async def take(self) -> bool:
        if self.tokens < 1:
            return False
        await asyncio.sleep(0)
        self.tokens -= 1
        return True


async def main() -> None:
    limiter = raceway.watch(Limiter(), name="limiter")
    await asyncio.gather(*(limiter.take() for _ in range(3)))


asyncio.run(main())
print("taken")
