# title: the version is compared, and then the save awaits once more
# expect: atomicity-violation page.text
# lines: 22,26
# severity: critical
# why: a second edit can be stored between the comparison and the store.
import asyncio

import raceway


class Page:
    def __init__(self) -> None:
        self.version = 0
        self.text = ""


page = raceway.watch(Page(), name="page")


async def edit(letter: str) -> bool:
    base = page.version
    text = page.text + letter
    if page.version != base:
        return False
    await asyncio.sleep(0)
    page.text = text
    return True


async def main() -> None:
    await asyncio.gather(edit("a"), edit("b"))


asyncio.run(main())
print("edited")
