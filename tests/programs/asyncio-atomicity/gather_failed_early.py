# title: gather() raises at the first failure while its other child goes on
# expect: atomicity-violation progress.bytes
# lines: 27,29 | 38,40
# severity: critical
# why: without return_exceptions gather() does not wait for the rest, nor cancel it.
import asyncio

import raceway


class Progress:
    def __init__(self) -> None:
        self.bytes = 0


progress = raceway.watch(Progress(), name="progress")


async def fails() -> None:
    await asyncio.sleep(0)
    raise OSError("connection reset")


async def loads(done: asyncio.Event) -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    before = progress.bytes
    await asyncio.sleep(0)
    progress.bytes = before + 100
    done.set()


async def main() -> None:
    done = asyncio.Event()
    try:
        await asyncio.gather(fails(), loads(done))
    except OSError:
        before = progress.bytes
        await asyncio.sleep(0)
        progress.bytes = before + 1
    await done.wait()
    print("loaded")


asyncio.run(main())
