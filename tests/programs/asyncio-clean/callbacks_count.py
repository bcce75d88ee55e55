# title: loop callbacks and tasks count without awaiting in between
# expect: clean
# why: callbacks and steps of tasks run one at a time in the loop's thread.
import asyncio

import raceway


class Stats:
    def __init__(self) -> None:
        self.hits = 0


stats = raceway.watch(Stats(), name="stats")


def hit() -> None:
    stats.hits += 1


async def work() -> None:
    hit()
    await asyncio.sleep(0)
    hit()


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(hit)
    loop.call_later(0.01, hit)
    task = asyncio.create_task(work())
    task.add_done_callback(lambda _: hit())
    await task
    await asyncio.sleep(0.1)
    print(stats.hits)


asyncio.run(main())
