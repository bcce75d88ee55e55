# title: a thread and the loop change one number, each in one critical section
# expect: clean
# why: every change is read and written under the lock, and no await lies inside.
import asyncio
import threading

import raceway


class Level:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.height = 0

    def change(self, by: int) -> None:
        with self.lock:
            height = self.height
            self.height = height + by


level = raceway.watch(Level(), name="level")


async def main() -> None:
    job = asyncio.create_task(asyncio.to_thread(level.change, 3))
    for _ in range(3):
        level.change(1)
        await asyncio.sleep(0)
    await job


asyncio.run(main())
print(level.height)
