# title: a done-callback resets the progress that another task is about to write back
# expect: atomicity-violation progress.done
# lines: 24,27,31
# severity: critical
# why: the callback runs when the first task has ended, in the middle of the second one's update.
import asyncio

import raceway


class Progress:
    def __init__(self) -> None:
        self.done = 5


progress = raceway.watch(Progress(), name="progress")


async def short() -> None:
    await asyncio.sleep(0)


async def long() -> None:
    done = progress.done
    for _ in range(10):
        await asyncio.sleep(0)
    progress.done = done + 1


def reset(_: "asyncio.Task[None]") -> None:
    progress.done = 0


async def main() -> None:
    task = asyncio.create_task(short())
    task.add_done_callback(reset)
    await asyncio.gather(task, long())


asyncio.run(main())
print("done")
