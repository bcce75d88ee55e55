# title: the text to go back to is on a stack while the new one is checked
# expect: atomicity-violation draft.text
# lines: 17,20
# severity: critical
# why: a change of another task during the check is undone along with the own one.
import asyncio

import raceway


class Draft:
    def __init__(self) -> None:
        self.text = "old"
        self._before: list[str] = []

    def begin(self) -> None:
        self._before.append(self.text)

    def go_back(self) -> None:
        self.text = self._before.pop()


draft = raceway.watch(Draft(), name="draft")


async def check(text: str) -> None:
    await asyncio.sleep(0)
    raise ValueError(text)


async def propose(text: str) -> None:
    draft.begin()
    try:
        await check(text)
    except ValueError:
        draft.go_back()


async def decide(text: str) -> None:
    draft.text = text


async def main() -> None:
    await asyncio.gather(propose("bad"), decide("good"))


asyncio.run(main())
print("checked")
