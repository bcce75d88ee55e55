# title: a method says that the version is the same, and the save awaits once more
# expect: atomicity-violation recipe.text
# lines: 31,34
# expect: atomicity-violation recipe.version
# lines: 30,35 | 18,35
# why: during the second await another one stores its text, which is overwritten.
import asyncio

import raceway


class Recipe:
    def __init__(self) -> None:
        self.text = "flour"
        self.version = 0

    def is_still(self, version: int) -> bool:
        return self.version == version


recipe = raceway.watch(Recipe(), name="recipe")


async def taste(text: str, more: str) -> str:
    await asyncio.sleep(0)
    return f"{text}, {more}"


async def add(more: str) -> None:
    version = recipe.version
    text = await taste(recipe.text, more)
    if recipe.is_still(version):
        await asyncio.sleep(0)
        recipe.text = text
        recipe.version = version + 1


async def main() -> None:
    await asyncio.gather(add("eggs"), add("milk"))


asyncio.run(main())
print("cooked")
