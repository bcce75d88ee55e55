# title: the loop and a thread use one lock, but the loop gives it up during its await
# expect: atomicity-violation quota.used
# lines: 29,32
# severity: critical
# why: the thread may change the value while the coroutine awaits with the old one.
import asyncio
import threading

import raceway


class Quota:
    def __init__(self) -> None:
        self.used = 0
        self.lock = threading.Lock()


quota = raceway.watch(Quota(), name="quota")


def upload() -> None:
    for _ in range(3):
        with quota.lock:
            quota.used += 1


async def download() -> None:
    with quota.lock:
        used = quota.used
    await asyncio.sleep(0)
    with quota.lock:
        quota.used = used + 1


async def main() -> None:
    loop = asyncio.get_running_loop()
    job = loop.run_in_executor(None, upload)
    await download()
    await job


asyncio.run(main())
print("transferred")
