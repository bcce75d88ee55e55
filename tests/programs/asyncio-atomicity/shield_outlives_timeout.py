# title: wait_for() runs out, but the upload behind the shield goes on
# expect: atomicity-violation quota.used
# lines: 21,23 | 33,35
# severity: critical
# why: shield() keeps the cancellation from the upload, so nobody has waited for its end.
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
    used = quota.used
    await asyncio.sleep(0)
    quota.used = used + 1
    await task
    print("uploaded")


asyncio.run(main())
