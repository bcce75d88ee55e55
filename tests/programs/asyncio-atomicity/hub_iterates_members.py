# title: a websocket hub sends to its members while others come and go
# expect: atomicity-violation members
# lines: 18
# why: the set is walked across an await, and changes meanwhile.
import asyncio

import raceway

members = raceway.watch({1, 2, 3}, name="members")


async def send(member: int) -> None:
    await asyncio.sleep(0)


async def broadcast() -> None:
    try:
        for member in members:
            await send(member)
    except RuntimeError:
        pass


async def leave(member: int) -> None:
    await asyncio.sleep(0)
    members.discard(member)


async def main() -> None:
    await asyncio.gather(broadcast(), leave(3))


asyncio.run(main())
print("sent")
