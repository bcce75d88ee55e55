# title: the token is None as long as the new one is being fetched
# expect: atomicity-violation client.token
# lines: 25,26 | 25,30
# why: another task can run during the await and sees the intermediate None.
import asyncio

import raceway


class Client:
    def __init__(self) -> None:
        self.token: str | None = "old"


client = raceway.watch(Client(), name="client")
headers = []


async def fetch() -> str:
    await asyncio.sleep(0)
    return "new"


async def refresh() -> None:
    client.token = None
    client.token = await fetch()


async def call() -> None:
    headers.append(f"Bearer {client.token}")


async def main() -> None:
    await asyncio.gather(refresh(), call())


asyncio.run(main())
print(len(headers))
