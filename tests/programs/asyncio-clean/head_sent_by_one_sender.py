# title: one sender sends the head of an outbox and takes it out when it was sent
# expect: clean
# why: others only append, so the head is the same until its only sender takes it out.
import asyncio
from collections import deque

import raceway

outbox = raceway.watch(deque(), name="outbox")
sent = []


async def transmit(message: str) -> None:
    await asyncio.sleep(0)
    sent.append(message)


async def sender(count: int) -> None:
    while len(sent) < count:
        if not outbox:
            await asyncio.sleep(0)
            continue
        await transmit(outbox[0])
        outbox.popleft()


async def write(*messages: str) -> None:
    for message in messages:
        outbox.append(message)
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(sender(4), write("a", "b"), write("c", "d"))
    print(sorted(sent), len(outbox))


asyncio.run(main())
