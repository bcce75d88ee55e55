# title: the text to go back to is on a stack while the new one is checked
# expect: atomicity-violation draft.text
# lines: 17,21
# severity: critical
# why: a change of another task during the check is undone along with the own one.
import asyncio

import raceway


class Draft:
    def __init__(self) -> None:
        self.text = "old"
        self._before: list[str] = []

    async def propose(self, text: str) -> None:
        self._before.append(self.text)
        try:
            await check(text)
        except ValueError:
            self.text = self._before.pop()


draft = raceway.watch(Draft(), name="draft")


async def check(text: str) -> None:
    await asyncio.sleep(0)
    raise ValueError(text)


async def decide(text: str) -> None:
    draft.text = text


async def main() -> None:
    await asyncio.gather(draft.propose("bad"), decide("good"))


asyncio.run(main())
print("checked")
