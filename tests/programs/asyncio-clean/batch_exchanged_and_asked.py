# title: the batch is exchanged for an empty list, asked whether it is empty, and sent
# expect: clean
# why: after the exchange nobody else has the old list.
import asyncio

import raceway


class Outbox:
    def __init__(self) -> None:
        self.letters: list[str] = []
        self.sent = 0

    def write(self, letter: str) -> bool:
        self.letters.append(letter)
        return len(self.letters) >= 3

    async def send(self) -> None:
        batch, self.letters = self.letters, []
        if not batch:
            return
        await asyncio.sleep(0)
        self.sent += len(batch)


outbox = raceway.watch(Outbox(), name="outbox")


async def work(name: str) -> None:
    for number in range(4):
        if outbox.write(f"{name}{number}"):
            await outbox.send()
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(work("a"), work("b"))
    await outbox.send()
    print(outbox.sent)


asyncio.run(main())
