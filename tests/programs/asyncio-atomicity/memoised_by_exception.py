# title: the translation is looked up in a try block and stored after an await behind it
# expect: atomicity-violation memory['tree']
# lines: 21,25 | 25,25
# why: who comes past the try block has missed the word, and so does the next one during the await.
import asyncio

import raceway

memory = raceway.watch({"leaf": "Blatt"}, name="memory")
asked = []


async def ask(word: str) -> str:
    asked.append(word)
    await asyncio.sleep(0)
    return word[::-1]


async def translate(word: str) -> str:
    try:
        return memory[word]
    except KeyError:
        pass
    answer = await ask(word)
    memory[word] = answer
    return answer


async def main() -> None:
    print(await asyncio.gather(translate("tree"), translate("leaf"), translate("tree")))


asyncio.run(main())
print(asked)
