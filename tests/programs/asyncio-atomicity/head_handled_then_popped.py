# title: the head of a list is looked at, handled with an await, and popped
# expect: atomicity-violation outbox[0] | outbox
# lines: 14,17
# why: two senders send the same message, and then pop two.
import asyncio

import raceway

outbox = raceway.watch(["a", "b", "c"], name="outbox")
sent = []


async def send_one() -> None:
    message = outbox[0]
    await asyncio.sleep(0)
    sent.append(message)
    outbox.pop(0)


async def main() -> None:
    await asyncio.gather(send_one(), send_one())


asyncio.run(main())
print(len(sent))
