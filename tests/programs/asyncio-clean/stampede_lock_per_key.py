# title: concurrent misses of one key wait for the lock of that key
# expect: clean
# why: the check, the load and the insert hold the lock that belongs to the key.
import asyncio

import raceway

cache = raceway.watch({}, name="cache")
locks: dict[str, asyncio.Lock] = {}
loads = []


async def load(key: str) -> str:
    loads.append(key)
    await asyncio.sleep(0)
    return key.upper()


async def get(key: str) -> str:
    async with locks.setdefault(key, asyncio.Lock()):
        if key not in cache:
            cache[key] = await load(key)
        return cache[key]


async def main() -> None:
    print(await asyncio.gather(get("a"), get("a"), get("b")))


asyncio.run(main())
print(sorted(loads))
