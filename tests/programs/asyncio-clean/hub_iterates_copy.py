# title: a websocket hub sends to a copy of its members
# expect: clean
# why: the copy is made in one step; who leaves later is sent to in vain, which is no harm.
import asyncio

import raceway

members = raceway.watch({1, 2, 3}, name="members")


async def send(member: int) -> None:
    await asyncio.sleep(0)


async def broadcast() -> None:
    for member in list(members):
        await send(member)


async def leave(member: int) -> None:
    await asyncio.sleep(0)
    members.discard(member)


async def main() -> None:
    await asyncio.gather(broadcast(), leave(3))
    print(sorted(members))


asyncio.run(main())
