# title: each task puts an object of its own into its context
# expect: clean
# why: a task has a copy of the context, so that set() in one is not seen in the other.
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


async def handle() -> int:
    current.set(raceway.watch(Request(), name="request"))
    await charge()
    await charge()
    return current.get().cost


async def main() -> None:
    print(await asyncio.gather(handle(), handle()))


asyncio.run(main())
