# title: a future is set before the answer is complete
# expect: atomicity-violation answer.parts
# lines: 21,23 | 30,32
# severity: critical
# why: what comes after set_result() is ordered with nothing.
import asyncio

import raceway


class Answer:
    def __init__(self) -> None:
        self.parts = 0


answer = raceway.watch(Answer(), name="answer")


async def fill(ready: "asyncio.Future[None]") -> None:
    ready.set_result(None)
    parts = answer.parts
    await asyncio.sleep(0)
    answer.parts = parts + 1


async def main() -> None:
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(fill(ready))
    await ready
    parts = answer.parts
    await asyncio.sleep(0)
    answer.parts = parts + 1
    await task


asyncio.run(main())
print("answered")
