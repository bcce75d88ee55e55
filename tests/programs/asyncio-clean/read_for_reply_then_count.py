# title: a handler replies with the old count and counts after its await
# expect: clean
# why: the count is read afresh in the step that increments it.
import asyncio

import raceway


class Visits:
    def __init__(self) -> None:
        self.n = 0


visits = raceway.watch(Visits(), name="visits")


async def reply(text: str) -> None:
    await asyncio.sleep(0)


async def handle() -> None:
    shown = visits.n
    await reply(f"about {shown} visitors before you")
    visits.n = visits.n + 1


async def main() -> None:
    await asyncio.gather(handle(), handle())


asyncio.run(main())
print(visits.n)
