# title: waiting futures are swapped out before they are worked on with awaits
# expect: clean
# why: the list is taken and replaced without an await in between.
import asyncio

import raceway


class Outbox:
    def __init__(self) -> None:
        self.waiting = []


outbox = raceway.watch(Outbox(), name="outbox")
delivered = []


async def deliver() -> None:
    ready, outbox.waiting = outbox.waiting, []
    for message in ready:
        await asyncio.sleep(0)
        delivered.append(message)


async def post(n: int) -> None:
    outbox.waiting.append(n)
    await asyncio.sleep(0)
    await deliver()


async def main() -> None:
    await asyncio.gather(*(post(n) for n in range(3)))


asyncio.run(main())
print(sorted(delivered))
