# title: the keys are copied, the loop awaits, and the items are looked up later
# expect: atomicity-violation conns['bob'] | conns
# lines: 14,16
# why: a connection that is closed during the await is looked up in vain: KeyError.
import asyncio

import raceway

conns = raceway.watch({"ann": 1, "bob": 2}, name="conns")
pinged = []


async def ping_all() -> None:
    for name in list(conns):
        await asyncio.sleep(0)
        pinged.append(conns[name])


async def close(name: str) -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    del conns[name]


async def main() -> None:
    await asyncio.gather(ping_all(), close("bob"))


asyncio.run(main())
print(len(pinged))
