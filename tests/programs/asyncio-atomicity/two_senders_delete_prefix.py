# title: two senders await the first items and delete as many
# expect: atomicity-violation outbox | outbox[*]
# lines: 20,22
# severity: critical
# why: both send the same items, and the second one deletes what nobody has sent.
import asyncio

import raceway

outbox = raceway.watch(["a", "b", "c", "d"], name="outbox")
sent = []


async def send(items: list) -> None:
    await asyncio.sleep(0)
    sent.extend(items)


async def sender() -> None:
    batch = outbox[:2]
    await send(batch)
    del outbox[: len(batch)]


async def main() -> None:
    await asyncio.gather(sender(), sender())


asyncio.run(main())
print(len(sent))
