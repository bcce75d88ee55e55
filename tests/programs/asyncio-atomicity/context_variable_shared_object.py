# title: a context variable gives each task a copy of the reference, not of the object
# expect: atomicity-violation request.cost
# lines: 22,24
# severity: critical
# why: the object was put into the context before the tasks were made, so they share it.
import asyncio
import contextvars

import raceway


class Request:
    def __init__(self) -> None:
        self.cost = 0


current: "contextvars.ContextVar[Request]" = contextvars.ContextVar("current")


async def charge() -> None:
    request = current.get()
    cost = request.cost
    await asyncio.sleep(0)
    request.cost = cost + 1


async def main() -> None:
    current.set(raceway.watch(Request(), name="request"))
    await asyncio.gather(charge(), charge())


asyncio.run(main())
print("charged")
