# title: a callback sets a future after it has filled in the answer
# expect: clean
# needs: RECEIVE
# why: what comes before set_result() comes before the end of the await.
import asyncio

import raceway


class Answer:
    def __init__(self) -> None:
        self.parts = 0


answer = raceway.watch(Answer(), name="answer")


async def fill(ready: "asyncio.Future[None]") -> None:
    parts = answer.parts
    await asyncio.sleep(0)
    answer.parts = parts + 1
    ready.set_result(None)
    await asyncio.sleep(0)


async def main() -> None:
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(fill(ready))
    await ready
    parts = answer.parts
    await asyncio.sleep(0)
    answer.parts = parts + 1
    await task
    print(answer.parts)


asyncio.run(main())
