# title: every total is put on a list, of which only the length is asked later
# expect: clean
# why: the new total is computed from the current one; nothing is taken from the list.
import asyncio

import raceway


class Till:
    def __init__(self) -> None:
        self.total = 0
        self.steps = 0
        self._history: list[int] = []

    async def add(self, amount: int) -> None:
        self._history.append(self.total)
        await asyncio.sleep(0)
        self.total += amount
        self.steps = len(self._history)


till = raceway.watch(Till(), name="till")


async def main() -> None:
    await asyncio.gather(till.add(1), till.add(2))
    print(till.total, till.steps)


asyncio.run(main())
