# title: connections are closed one by one while a new one registers itself
# expect: atomicity-violation open_conns | open_conns[*]
# lines: 15,23 | 15,15
# why: the loop awaits between two steps and the insert changes the size under it.
import asyncio

import raceway

open_conns = raceway.watch({"a": 1, "b": 2}, name="open_conns")
closed = []


async def close_all() -> None:
    try:
        for name in open_conns:
            await asyncio.sleep(0)
            closed.append(name)
    except RuntimeError:
        closed.append("changed size")


async def connect() -> None:
    open_conns["c"] = 3


async def main() -> None:
    await asyncio.gather(close_all(), connect())


asyncio.run(main())
print("closed")
