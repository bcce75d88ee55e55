# title: a connection pool is found not empty, pinged, and popped
# expect: atomicity-violation free | free[*]
# lines: 18,21
# why: another task may take the last connection during the ping.
import asyncio

import raceway

free = raceway.watch(["c1", "c2", "c3"], name="free")


async def ping() -> bool:
    await asyncio.sleep(0)
    return True


async def acquire() -> str | None:
    if len(free) == 0:
        return None
    await ping()
    return free.pop()


async def main() -> list[str | None]:
    return await asyncio.gather(acquire(), acquire())


print(len(asyncio.run(main())))
