# title: a client connects if it is idle, and is connected after an await
# expect: atomicity-violation client.state
# lines: 18,23
# why: two tasks may both find it idle and open two connections.
import asyncio

import raceway


class Client:
    def __init__(self) -> None:
        self.state = "idle"

    async def _dial(self) -> None:
        await asyncio.sleep(0)

    async def ensure(self) -> None:
        match self.state:
            case "connected":
                return
            case "idle":
                await self._dial()
                self.state = "connected"


client = raceway.watch(Client(), name="client")


async def main() -> None:
    async with asyncio.Semaphore(2):
        await asyncio.gather(client.ensure(), client.ensure())


asyncio.run(main())
print(client.state)
