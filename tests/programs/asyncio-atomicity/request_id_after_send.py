# title: the next request number is stored after the request was sent
# expect: atomicity-violation ids.next
# lines: 26,30
# severity: critical
# why: two requests that overlap go out with the same number.
import asyncio

import raceway


class Ids:
    def __init__(self) -> None:
        self.next = 1


ids = raceway.watch(Ids(), name="ids")
sent = []


async def send(number: int) -> None:
    sent.append(number)
    await asyncio.sleep(0)


async def request() -> None:
    number = ids.next
    try:
        await send(number)
    finally:
        ids.next = number + 1


async def main() -> None:
    await asyncio.gather(request(), request())


asyncio.run(main())
print(len(sent))
