# title: a miss stores the task of the load at once, and others await that task
# expect: clean
# why: between the miss and the store there is no await, so every key is loaded once.
import asyncio

import raceway

loads = raceway.watch({}, name="loads")
count = []


async def fetch(key: str) -> str:
    count.append(key)
    await asyncio.sleep(0)
    return key.upper()


async def get(key: str) -> str:
    task = loads.get(key)
    if task is None:
        task = loads[key] = asyncio.create_task(fetch(key))
    return await task


async def main() -> None:
    print(await asyncio.gather(get("a"), get("a"), get("b")))


asyncio.run(main())
print(len(count))
