# title: who finds the door open awaits a sleep and goes by the state it has then
# expect: atomicity-violation door.state
# lines: 20,22
# why: nothing tells of the change during the sleep, and the second look may find the door shut.
import asyncio

import raceway


class Door:
    def __init__(self) -> None:
        self.state = "open"


door = raceway.watch(Door(), name="door")
seen = []


async def enter() -> None:
    if door.state != "shut":
        await asyncio.sleep(0)
        seen.append(door.state)


async def shut() -> None:
    door.state = "shut"


async def main() -> None:
    await asyncio.gather(enter(), shut())


asyncio.run(main())
print(seen)
