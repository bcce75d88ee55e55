# title: a paragraph is stored if a method says that the version is still the same
# expect: clean
# why: the method compares, and nothing is awaited between its answer and the store.
import asyncio

import raceway


class Paragraph:
    def __init__(self) -> None:
        self.words = "Once"
        self.version = 0

    def is_still(self, version: int) -> bool:
        return self.version == version


paragraph = raceway.watch(Paragraph(), name="paragraph")


async def spell(words: str, more: str) -> str:
    await asyncio.sleep(0)
    return f"{words} {more}"


async def write(more: str) -> None:
    stored = False
    while not stored:
        version = paragraph.version
        words = await spell(paragraph.words, more)
        if paragraph.is_still(version):
            paragraph.words = words
            paragraph.version = version + 1
            stored = True


async def main() -> None:
    await asyncio.gather(write("upon"), write("a"), write("time"))


asyncio.run(main())
print(paragraph.words, paragraph.version)
