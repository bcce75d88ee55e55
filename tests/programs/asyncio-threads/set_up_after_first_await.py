# title: an object is set up after the task that passes it to a thread has begun
# expect: data-race settings.limit
# lines: 20,30
# severity: critical
# why: sleep(0) lets the task start the thread, and then the two go on side by side.
import asyncio

import raceway


class Settings:
    def __init__(self) -> None:
        self.limit = 0


settings = raceway.watch(Settings(), name="settings")


def work() -> None:
    settings.limit += 1


async def run() -> None:
    await asyncio.to_thread(work)


async def main() -> None:
    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    settings.limit = 10
    await task


asyncio.run(main())
print("settled")
