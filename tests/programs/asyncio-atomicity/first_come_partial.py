# title: the first of two answers is stored by a coroutine that checked before it asked
# expect: atomicity-violation answer.text
# lines: 16,26
# why: both coroutines find no answer yet, and the slower one overwrites the faster one.
import asyncio

import raceway


class Answer:
    def __init__(self) -> None:
        self.text = None

    @property
    def known(self) -> bool:
        return self.text is not None


answer = raceway.watch(Answer(), name="answer")


async def ask(server: str) -> None:
    if answer.known:
        return
    reply = await query(server)
    answer.text = reply


async def query(server: str) -> str:
    await asyncio.sleep(0)
    return f"{server} says hello"


async def main() -> None:
    async with asyncio.Lock():
        await asyncio.gather(*map(ask, ("a", "b")))


asyncio.run(main())
print("answered")
