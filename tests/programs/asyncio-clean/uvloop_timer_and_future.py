# title: under uvloop a timer fills in the answer and sets a future
# expect: clean
# needs: RECEIVE
# requires: uvloop
# why: the timer comes after call_later(), and the await ends after set_result().
import asyncio

import uvloop

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


async def main() -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    answer.parts = 1
    tasks = []
    loop.call_later(0.001, lambda: tasks.append(loop.create_task(fill(ready))))
    await ready
    parts = answer.parts
    await asyncio.sleep(0)
    answer.parts = parts + 1
    print(answer.parts)


uvloop.install()
asyncio.run(main())
