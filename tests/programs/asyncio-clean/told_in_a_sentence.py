# title: the number of lost calls is told in a sentence and counted afresh after an await
# expect: clean
# why: nobody calculates with the number in the sentence, and += does not wait.
import asyncio

import raceway


class Line:
    def __init__(self) -> None:
        self.lost = 0


line = raceway.watch(Line(), name="line")
notes = []


async def ring(number: int) -> None:
    await asyncio.sleep(0)
    raise TimeoutError(number)


async def call(number: int) -> None:
    before = line.lost
    try:
        await ring(number)
    except TimeoutError:
        notes.append(f"{number} does not answer, {before} were lost before")
        line.lost += 1


async def main() -> None:
    await asyncio.gather(call(11), call(12), call(13))


asyncio.run(main())
print(line.lost, len(notes))
