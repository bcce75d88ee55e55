# title: each search counts a generation up, and stores its result if that is still its own
# expect: clean
# why: the number is compared, after the await, in the turn in which the result is stored.
import asyncio

import raceway


class Search:
    def __init__(self) -> None:
        self.generation = 0
        self.result = ""


search = raceway.watch(Search(), name="search")


async def find(text: str, pause: float) -> None:
    search.generation += 1
    generation = search.generation
    await asyncio.sleep(pause)
    if generation == search.generation:
        search.result = text


async def main() -> None:
    await asyncio.gather(find("a", 0.004), find("ab", 0.001), find("abc", 0.002))
    print(search.result)


asyncio.run(main())
