# title: an edit is stored only if the version is still the one that it was based on
# expect: clean
# why: the comparison and the store are not separated by an await.
import asyncio

import raceway


class Page:
    def __init__(self) -> None:
        self.version = 0
        self.text = ""


page = raceway.watch(Page(), name="page")


async def spell_check(text: str) -> str:
    await asyncio.sleep(0)
    return text


async def edit(letter: str) -> None:
    while True:
        base = page.version
        text = await spell_check(page.text + letter)
        if page.version == base:
            page.version = base + 1
            page.text = text
            return


async def main() -> None:
    await asyncio.gather(*(edit(letter) for letter in "abc"))


asyncio.run(main())
print(sorted(page.text), page.version)
