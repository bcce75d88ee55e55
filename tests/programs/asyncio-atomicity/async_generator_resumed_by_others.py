# title: an asynchronous generator reads before its yield and stores after, resumed by two helpers
# expect: atomicity-violation meter.used
# lines: 20,22
# severity: critical
# why: set-up and tear-down of one fixture are one sequence, with the test in between.
import asyncio

import raceway


class Meter:
    def __init__(self) -> None:
        self.used = 0


meter = raceway.watch(Meter(), name="meter")


async def fixture():
    used = meter.used
    yield used
    meter.used = used + 1


async def set_up(generator) -> int:
    return await generator.__anext__()


async def tear_down(generator) -> None:
    async for _ in generator:
        raise RuntimeError("too many yields")


async def case() -> None:
    generator = fixture()
    await set_up(generator)
    await asyncio.sleep(0)
    await tear_down(generator)


async def main() -> None:
    await asyncio.gather(case(), case())


asyncio.run(main())
print("tested")
