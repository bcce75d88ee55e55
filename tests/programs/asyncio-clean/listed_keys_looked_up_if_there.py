# title: the keys are copied, the loop awaits, and each look-up is ready for a key that is gone
# expect: clean
# why: a test, get() or an except clause goes by what is there after the await.
import asyncio

import raceway

conns = raceway.watch({"ann": 1, "bob": 2}, name="conns")
pinged = []


async def ping_those_there() -> None:
    for name in list(conns):
        await asyncio.sleep(0)
        if name in conns:
            pinged.append(conns[name])


async def ping_by_get() -> None:
    for name in sorted(conns):
        await asyncio.sleep(0)
        pinged.append(conns.get(name))


async def ping_and_catch() -> None:
    for name in tuple(conns):
        await asyncio.sleep(0)
        try:
            pinged.append(conns[name])
        except KeyError:
            continue


async def ping_at_once() -> None:
    for name in list(conns):
        pinged.append(conns[name])
    await asyncio.sleep(0)


async def close(name: str) -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    del conns[name]


async def main() -> None:
    await asyncio.gather(
        ping_those_there(), ping_by_get(), ping_and_catch(), ping_at_once(), close("bob")
    )


asyncio.run(main())
print(len(pinged))
