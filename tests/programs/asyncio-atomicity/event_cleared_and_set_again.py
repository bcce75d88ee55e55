# title: an event that was set for the first round is waited for in the second
# expect: atomicity-violation board.points
# lines: 20,22 | 34,36
# severity: critical
# why: set() of the first player was cleared; the wait ends because of the second one's.
import asyncio

import raceway


class Board:
    def __init__(self) -> None:
        self.points = 0


board = raceway.watch(Board(), name="board")


async def first(changed: asyncio.Event) -> None:
    points = board.points
    await asyncio.sleep(0)
    board.points = points + 1
    changed.set()


async def second(changed: asyncio.Event, cleared: "asyncio.Future[None]") -> None:
    while not cleared.done():
        await asyncio.sleep(0)
    changed.set()


async def judge(changed: asyncio.Event) -> None:
    await changed.wait()
    points = board.points
    await asyncio.sleep(0)
    board.points = points + 10


async def main() -> None:
    changed = asyncio.Event()
    cleared = asyncio.get_running_loop().create_future()
    one = asyncio.create_task(first(changed))
    two = asyncio.create_task(second(changed, cleared))
    for _ in range(5):
        await asyncio.sleep(0)
    changed.clear()
    three = asyncio.create_task(judge(changed))
    await asyncio.sleep(0)
    cleared.set_result(None)
    await asyncio.wait({one, two, three})
    print("played")


asyncio.run(main())
