# title: who finds the door opening waits for the event and looks what has become of it
# expect: clean
# why: the second look is for the state that the event has told of, not for the first one.
import asyncio

import raceway


class Door:
    def __init__(self) -> None:
        self.state = "shut"


door = raceway.watch(Door(), name="door")
seen = []


async def enter(opened: asyncio.Event) -> None:
    if door.state == "shut":
        door.state = "opening"
        await asyncio.sleep(0)
        door.state = "open"
        opened.set()
    else:
        await opened.wait()
        seen.append(door.state)


async def main() -> None:
    opened = asyncio.Event()
    await asyncio.gather(*(enter(opened) for _ in range(3)))


asyncio.run(main())
print(seen)
