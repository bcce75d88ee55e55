# title: wait_for() runs out, and the shielded upload is awaited to its end
# expect: clean
# needs: RECEIVE, JOIN
# why: the upload has ended before the quota is changed again.
import asyncio

import raceway


class Quota:
    def __init__(self) -> None:
        self.used = 0


quota = raceway.watch(Quota(), name="quota")


async def upload(go_on: asyncio.Event) -> None:
    await go_on.wait()
    used = quota.used
    await asyncio.sleep(0)
    quota.used = used + 5


async def main() -> None:
    go_on = asyncio.Event()
    task = asyncio.create_task(upload(go_on))
    try:
        await asyncio.wait_for(asyncio.shield(task), timeout=0.01)
    except asyncio.TimeoutError:
        go_on.set()
    await task
    used = quota.used
    await asyncio.sleep(0)
    quota.used = used + 1
    print(quota.used)


asyncio.run(main())
