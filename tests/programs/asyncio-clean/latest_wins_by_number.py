# title: a search stores its result only if no later search has begun
# expect: clean
# why: the number is compared right before the result is stored.
import asyncio

import raceway


class Search:
    def __init__(self) -> None:
        self.number = 0
        self.result = ""


search = raceway.watch(Search(), name="search")


async def query(text: str) -> str:
    await asyncio.sleep(0)
    return text.upper()


async def find(text: str) -> None:
    search.number += 1
    mine = search.number
    result = await query(text)
    if search.number == mine:
        search.result = result


async def main() -> None:
    await asyncio.gather(find("a"), find("ab"))


asyncio.run(main())
print(search.result)
