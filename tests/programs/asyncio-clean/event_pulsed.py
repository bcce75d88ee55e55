# title: an event is set and cleared at once, and wakes whoever waits
# expect: clean
# needs: RECEIVE
# why: the waiter was woken by that set(), though the event is clear when it runs.
import asyncio

import raceway


class Price:
    def __init__(self) -> None:
        self.cents = 0


price = raceway.watch(Price(), name="price")


async def ticker(changed: asyncio.Event, listening: asyncio.Event) -> None:
    await listening.wait()
    cents = price.cents
    await asyncio.sleep(0)
    price.cents = cents + 5
    changed.set()
    changed.clear()


async def listener(changed: asyncio.Event, listening: asyncio.Event) -> None:
    listening.set()
    await changed.wait()
    cents = price.cents
    await asyncio.sleep(0)
    price.cents = cents + 1


async def main() -> None:
    changed, listening = asyncio.Event(), asyncio.Event()
    await asyncio.gather(listener(changed, listening), ticker(changed, listening))
    print(price.cents)


asyncio.run(main())
