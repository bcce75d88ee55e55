# title: an object is set up after the task that passes it to a thread was made
# expect: clean
# why: a new task begins only when its maker awaits, and the assignment stands before that.
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
    settings.limit = 10
    await task


asyncio.run(main())
assert settings.limit == 11
print("settled")
