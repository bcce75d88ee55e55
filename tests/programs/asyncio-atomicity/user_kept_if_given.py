# title: a handler that serves all tasks keeps the user in itself if there is one
# expect: atomicity-violation handler.user
# lines: 19,21
# why: what was stored is what this call was given; another task replaces it during the await.
import asyncio

import raceway


class Handler:
    def __init__(self) -> None:
        self.user = ""

    async def check(self) -> None:
        await asyncio.sleep(0)

    async def handle(self, user: str) -> str:
        if user:
            self.user = user
        await self.check()
        return f"hello {self.user}"


handler = raceway.watch(Handler(), name="handler")


async def main() -> None:
    print(len(await asyncio.gather(handler.handle("ann"), handler.handle("bob"))))


asyncio.run(main())
